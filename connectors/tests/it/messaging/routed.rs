//! One delivery for every kind of address.

use std::sync::Arc;

use connectors::messaging::{Mailbox, RoutedDelivery};
use identity::delivery::CodeDelivery;

use super::{NUMBER, email, sms, told};

#[tokio::test]
async fn the_kind_of_address_chooses() {
    let (letters, texts) = (Arc::new(Mailbox::new()), Arc::new(Mailbox::new()));
    let both = RoutedDelivery {
        email: Some(letters.clone()),
        sms: Some(texts.clone()),
    };
    assert_eq!(
        told(both.deliver(&email("asha@example.org")).await),
        "delivered"
    );
    assert_eq!(letters.messages().len(), 1);
    assert_eq!(texts.messages().len(), 0);
    assert_eq!(told(both.deliver(&sms(NUMBER)).await), "delivered");
    assert_eq!(letters.messages().len(), 1);
    assert_eq!(texts.messages().len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_not_configured() {
    let letters = Arc::new(Mailbox::new());
    let only_email = RoutedDelivery {
        email: Some(letters.clone()),
        sms: None,
    };
    assert_eq!(
        told(only_email.deliver(&sms(NUMBER)).await),
        "not configured"
    );
    let nothing = RoutedDelivery::default();
    let outcome = nothing.deliver(&email("asha@example.org")).await;
    assert_eq!(told(outcome), "not configured");
    assert_eq!(letters.messages().len(), 0);
}
