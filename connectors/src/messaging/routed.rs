//! One delivery for every kind of address.

use std::sync::Arc;

use async_trait::async_trait;
use identity::address::Address;
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError, Reminder};

/// Chooses by the kind of address; what is not there is not configured.
#[derive(Debug, Clone, Default)]
pub struct RoutedDelivery {
    /// For email addresses.
    pub email: Option<Arc<dyn CodeDelivery>>,
    /// For phone numbers.
    pub sms: Option<Arc<dyn CodeDelivery>>,
}

#[async_trait]
impl CodeDelivery for RoutedDelivery {
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError> {
        match self.route(&message.to) {
            Some(delivery) => delivery.deliver(message).await,
            None => Err(DeliveryError::NotConfigured),
        }
    }

    async fn remind(&self, reminder: &Reminder) -> Result<(), DeliveryError> {
        match self.route(&reminder.to) {
            Some(delivery) => delivery.remind(reminder).await,
            None => Err(DeliveryError::NotConfigured),
        }
    }
}

impl RoutedDelivery {
    fn route(&self, to: &Address) -> Option<&Arc<dyn CodeDelivery>> {
        match to {
            Address::Email(_) => self.email.as_ref(),
            Address::Phone(_) => self.sms.as_ref(),
        }
    }
}
