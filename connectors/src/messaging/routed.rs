//! One delivery for every kind of address.

use std::sync::Arc;

use async_trait::async_trait;
use identity::address::Address;
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError};

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
        let route = match message.to {
            Address::Email(_) => &self.email,
            Address::Phone(_) => &self.sms,
        };
        match route {
            Some(delivery) => delivery.deliver(message).await,
            None => Err(DeliveryError::NotConfigured),
        }
    }
}
