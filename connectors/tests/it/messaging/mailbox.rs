//! The mailbox of a local Daybook.

use std::sync::Arc;

use connectors::messaging::{MAILBOX_CAPACITY, Mailbox};
use identity::delivery::{CodeDelivery, CodeText, Purpose};

use super::{CODE, NUMBER, email, sms, told};

#[tokio::test]
async fn messages_are_kept_newest_first() {
    let mailbox = Mailbox::new();
    assert!(mailbox.page().contains("No messages yet."));
    mailbox.deliver(&email("asha@example.org")).await.unwrap();
    let mut second = sms(NUMBER);
    second.purpose = Purpose::StepUp;
    mailbox.deliver(&second).await.unwrap();

    let kept = serde_json::to_value(mailbox.messages()).unwrap();
    assert_eq!(kept[0]["number"], 2);
    assert_eq!(kept[0]["channel"], "sms");
    assert_eq!(kept[0]["to"], NUMBER);
    assert_eq!(kept[0]["purpose"], "step_up");
    assert_eq!(kept[0]["code"], CODE);
    assert_eq!(kept[0].get("subject"), None);
    assert_eq!(kept[1]["channel"], "email");
    assert_eq!(kept[1]["to"], "asha@example.org");
    assert_eq!(kept[1]["subject"], "Daybook: your code to sign in");
    let [newest, oldest] = &mailbox.messages()[..] else {
        panic!("two messages");
    };
    assert_eq!((newest.expires_at - newest.sent_at).num_seconds(), 300);
    assert!(oldest.text.contains("5 minutes"), "{}", oldest.text);
    let debug = format!("{mailbox:?} {newest:?}");
    assert!(!debug.contains(CODE) && !debug.contains("98765"), "{debug}");
}

#[tokio::test]
async fn the_page_is_plain_and_escaped() {
    let mailbox = Mailbox::new();
    // The one place where somebody else's characters reach the page: these are legal in an address.
    let hostile = "o'brien&{x}`+=/?@example.org";
    mailbox.deliver(&email(hostile)).await.unwrap();
    mailbox.deliver(&sms(NUMBER)).await.unwrap();
    let page = mailbox.page();
    assert!(
        page.contains("o&#39;brien&amp;{x}`+=/?@example.org"),
        "{page}"
    );
    assert!(!page.contains(hostile), "{page}");
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(!page.contains("<script"), "{page}");
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    let newest = page.find("No. 2 to").unwrap();
    assert!(newest < page.find("No. 1 to").unwrap(), "{page}");
}

#[tokio::test]
async fn a_full_mailbox_loses_the_oldest() {
    let mailbox = Arc::new(Mailbox::new());
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mailbox = Arc::clone(&mailbox);
        writers.spawn(async move {
            for _ in 0..MAILBOX_CAPACITY / 2 {
                mailbox.deliver(&sms(NUMBER)).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let numbers: Vec<u64> = mailbox.messages().iter().map(|kept| kept.number).collect();
    let expected: Vec<u64> = (201..=400).rev().collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn what_is_no_code_is_not_kept() {
    let mailbox = Mailbox::new();
    let mut message = sms(NUMBER);
    message.code = CodeText::new("<b>1".to_owned());
    let outcome = told(mailbox.deliver(&message).await);
    assert_eq!(outcome, "refused: a code is six digits");
    assert_eq!(mailbox.messages().len(), 0);
}
