//! Words about other attempts, other payouts at the provider, and payouts that have ended.

use super::*;

/// A word of `provider` about an attempt, under the provider's own id.
fn word(name: &str, attempt: Option<u32>, theirs: &str, status: ObservedPayout) -> PayoutAction {
    let observation = PayoutObservation {
        provider: provider(name),
        provider_payout: Some(crate::fixtures::theirs(theirs)),
        attempt,
        ..payout_seen(status)
    };
    observe_payout(7, observation)
}

fn not_accepted(name: &str) -> PayoutAction {
    let observation = PayoutObservation {
        provider: provider(name),
        provider_payout: None,
        ..payout_seen(ObservedPayout::NotAccepted)
    };
    observe_payout(7, observation)
}

/// Money that left without a hold, perhaps twice: it must not pass unnoticed.
#[test]
fn what_is_paid_after_the_end_is_for_a_person() {
    let called_off = [
        request(),
        submit("razorpay"),
        not_accepted("razorpay"),
        cancel(),
    ];
    let elsewhere = [
        request(),
        submit("razorpay"),
        not_accepted("razorpay"),
        submit("stripe"),
        word("stripe", Some(2), "po_1", ObservedPayout::Failed),
    ];
    let never_sent = [request(), cancel()];
    let failed = [
        request(),
        submit("razorpay"),
        word("razorpay", Some(1), "pout_A", ObservedPayout::Failed),
    ];
    let cases: [(&[PayoutAction], &str); 4] = [
        (&called_off, "pout_A"),
        (&elsewhere, "pout_A"),
        (&never_sent, "pout_A"),
        (&failed, "pout_B"),
    ];
    for (actions, theirs) in cases {
        let ended = history(actions);
        for status in [ObservedPayout::Processing, succeeded()] {
            for attempt in [None, Some(1)] {
                let late = word("razorpay", attempt, theirs, status);
                let refused = outcome(&ended, asked(late)).unwrap_err();
                assert_eq!(refused.code(), "payout_succeeded_after_end");
                assert!(!refused.is_transient());
            }
        }
        // That nothing came of it agrees with what is known.
        for status in [ObservedPayout::Failed, ObservedPayout::Cancelled] {
            let late = word("razorpay", Some(1), theirs, status);
            assert_eq!(outcome(&ended, asked(late)).unwrap(), None);
        }
    }
}

#[test]
fn an_earlier_word_of_what_has_ended_says_nothing_new() {
    for end in [
        ObservedPayout::Failed,
        ObservedPayout::Returned,
        ObservedPayout::Cancelled,
    ] {
        let ended = history(&[
            request(),
            submit("razorpay"),
            word("razorpay", Some(1), "pout_A", end),
        ]);
        for status in [ObservedPayout::Processing, succeeded()] {
            for attempt in [None, Some(1)] {
                let late = word("razorpay", attempt, "pout_A", status);
                assert_eq!(outcome(&ended, asked(late)).unwrap(), None);
            }
            let of_other = word("razorpay", Some(2), "pout_A", status);
            let refused = outcome(&ended, asked(of_other)).unwrap_err();
            assert_eq!(refused.code(), "payout_succeeded_after_end");
        }
    }
}

/// The same provider is asked twice, with two keys: what it says of the first is not of the second.
#[test]
fn a_word_about_the_first_attempt_is_not_taken_for_the_second() {
    let events = history(&[
        request(),
        submit("razorpay"),
        not_accepted("razorpay"),
        submit("razorpay"),
    ]);
    for status in [
        ObservedPayout::Processing,
        succeeded(),
        ObservedPayout::Failed,
        ObservedPayout::Returned,
        ObservedPayout::Cancelled,
    ] {
        let late = word("razorpay", Some(1), "pout_A", status);
        let refused = outcome(&events, asked(late)).unwrap_err();
        assert_eq!(refused.code(), "payout_attempt_differs", "{status:?}");
        assert!(!refused.is_transient());
        let own = word("razorpay", Some(2), "pout_B", status);
        assert!(outcome(&events, asked(own)).unwrap().is_some());
    }
    // That the first was not accepted is known, and says nothing of the second.
    let again = word("razorpay", Some(1), "pout_A", ObservedPayout::NotAccepted);
    assert_eq!(outcome(&events, asked(again)).unwrap(), None);
    let own = word("razorpay", Some(2), "pout_B", ObservedPayout::NotAccepted);
    assert!(outcome(&events, asked(own)).unwrap().is_some());
}
