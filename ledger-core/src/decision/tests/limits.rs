//! Tiers and limits meet the book: what is judged, what counts, what is said of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::*;
use crate::limit::{
    Calendar, Flow, Operation, OtherAssets, RequestedAssetLimits, RequestedFlowLimits,
    RequestedTier, UtcOffset,
};
use crate::owner::{OwnerAction, TierSource};
use crate::payment::ObservedPayment;
use crate::timestamp::Timestamp;

/// A world in which the owner of wallets 1 and 2 is limited, that of wallet 3 is not, and both have
/// money enough.
pub(super) struct World {
    book: Book,
    next: u128,
}

pub(super) fn limits(
    out: &[(&str, i64)],
    within: &[(&str, i64)],
    balance: Option<i64>,
) -> RequestedTier {
    let flow = |words: &[(&str, i64)]| {
        let find = |name: &str| {
            let found = words.iter().find(|(known, _)| *known == name);
            found.map(|(_, amount)| Decimal::from(*amount))
        };
        RequestedFlowLimits {
            per_transaction: find("transaction"),
            per_day: find("day"),
            per_month: find("month"),
        }
    };
    let limits = RequestedAssetLimits {
        operations: None,
        incoming: flow(within),
        outgoing: flow(out),
        balance: balance.map(Decimal::from),
    };
    RequestedTier {
        operations: None,
        assets: BTreeMap::from([(asset_code("INR"), limits)]),
        other_assets: OtherAssets::Forbidden,
        utc_offset_minutes: UtcOffset::default(),
    }
}

fn time(text: &str) -> Timestamp {
    parsed(text)
}

pub(super) const NOON: &str = "2026-03-31T12:00:00Z";

impl World {
    pub(super) fn with(rules: RequestedTier) -> Self {
        let mut world = Self {
            book: Book::complete(),
            next: 0,
        };
        world.yes(NOON, &open_ledger());
        for (number, name) in [(1, "asha"), (2, "asha"), (3, "ravi")] {
            let Command::OpenWallet {
                wallet,
                overdraft,
                reference,
                metadata,
                ..
            } = open_wallet(number)
            else {
                unreachable!()
            };
            let owner = owner(name);
            let open = Command::OpenWallet {
                wallet,
                owner,
                overdraft,
                reference,
                metadata,
            };
            world.yes(NOON, &open);
            world
                .pay(NOON, system("cash"), wallet_of(number), "1000")
                .unwrap();
        }
        world.set(rules);
        world.grant("asha");
        world
    }

    pub(super) fn set(&mut self, rules: RequestedTier) {
        let (tier, rules) = (parsed("basic"), Box::new(rules));
        self.yes(NOON, &Command::SetTier { tier, rules });
    }

    fn grant(&mut self, name: &str) {
        let action = OwnerAction::GrantTier {
            tier: parsed("basic"),
            source: TierSource::Staff,
            by: Some(actor("meera")),
            reason: None,
        };
        let command = Command::Owner {
            owner: owner(name),
            action: Box::new(action),
        };
        self.yes(NOON, &command);
    }

    pub(super) fn ask(&mut self, when: &str, command: &Command) -> Result<Vec<Event>, Rejection> {
        match decide(&mut self.book, command, time(when)) {
            Ok(events) => Ok(events.into_iter().map(|event| event.event).collect()),
            Err(DecisionError::Rejected(rejection)) => Err(rejection),
            Err(fault) => panic!("{command:?}: {fault}"),
        }
    }

    pub(super) fn yes(&mut self, when: &str, command: &Command) -> Vec<Event> {
        self.ask(when, command)
            .unwrap_or_else(|refused| panic!("{command:?}: {refused}"))
    }

    pub(super) fn pay(
        &mut self,
        when: &str,
        source: Holder,
        destination: Holder,
        amount: &str,
    ) -> Result<Vec<Event>, Rejection> {
        self.next += 1;
        let command = pay(10_000 + self.next, source, destination, amount);
        self.ask(when, &command)
    }

    /// The code of the refusal, or `ok`.
    fn code(&mut self, when: &str, source: Holder, destination: Holder, amount: &str) -> String {
        match self.pay(when, source, destination, amount) {
            Ok(_) => "ok".to_owned(),
            Err(refused) => refused.code().to_owned(),
        }
    }

    /// What Asha has used on the day of a moment.
    pub(super) fn used(&self, when: &str, flow: Flow) -> String {
        let usage = self.book.usage_of(owner("asha").key()).unwrap();
        let calendar = Calendar::at(UtcOffset::default(), time(when));
        let used = usage.used.used(asset_code("INR"), flow, &calendar);
        used.day.value().normalize().to_string()
    }
}

fn wallet_of(number: u128) -> Holder {
    wallet(number)
}

pub(super) fn to_ravi(world: &mut World, when: &str, amount: &str) -> String {
    world.code(when, wallet(1), wallet(3), amount)
}

#[test]
fn a_ledger_without_tiers_limits_nobody_and_says_nothing_of_limits() {
    let mut book = started();
    let events = apply(&mut book, &pay(1, wallet(1), wallet(2), "10"));
    let text = events[0].to_payload().unwrap();
    assert!(!text.contains("usage"), "{text}");
}

#[test]
fn a_rejection_names_the_limit_what_is_used_what_was_asked_and_when_it_frees() {
    let mut world = World::with(limits(&[("day", 100), ("month", 150)], &[], None));
    assert_eq!(to_ravi(&mut world, NOON, "70"), "ok");
    let refused = world.pay(NOON, wallet(1), wallet(3), "30.01").unwrap_err();
    assert_eq!(
        serde_json::to_value(&refused).unwrap(),
        serde_json::json!({
            "wallet": wallet_id(1), "tier": "basic", "limit": "per_day", "flow": "outgoing",
            "asset": "INR", "allowed": "100.00", "used": "70.00", "left": "30.00", "requested": "30.01",
            "frees_at": "2026-04-01T00:00:00.000000Z",
        })
    );
    assert!(refused.is_transient());
    assert_eq!(to_ravi(&mut world, NOON, "30"), "ok");
    // More than a day may ever move does not become possible tomorrow.
    let never = world.pay(NOON, wallet(1), wallet(3), "100.01").unwrap_err();
    assert_eq!(serde_json::to_value(&never).unwrap().get("frees_at"), None);
}

#[test]
fn days_and_months_begin_anew_by_the_tiers_clocks() {
    let mut rules = limits(&[("day", 100), ("month", 150)], &[], None);
    let mut world = World::with(rules.clone());
    let last = "2026-03-31T23:59:59.999999Z";
    assert_eq!(to_ravi(&mut world, "2026-03-30T23:59:59Z", "100"), "ok");
    assert_eq!(to_ravi(&mut world, last, "50"), "ok");
    let month = world.pay(last, wallet(1), wallet(3), "1").unwrap_err();
    let month = serde_json::to_value(&month).unwrap();
    assert_eq!(
        (&month["limit"], &month["used"]),
        (&"per_month".into(), &"150.00".into())
    );
    assert_eq!(to_ravi(&mut world, "2026-04-01T00:00:00Z", "100"), "ok");
    // In Kolkata the first of April begins half past six in the evening of the day before.
    rules.utc_offset_minutes = UtcOffset::try_new(330).unwrap();
    let mut world = World::with(rules);
    let eve = "2026-03-31T18:29:59Z";
    assert_eq!(to_ravi(&mut world, eve, "100"), "ok");
    let refused = world.pay(eve, wallet(1), wallet(3), "1").unwrap_err();
    let refused = serde_json::to_value(&refused).unwrap();
    assert_eq!(refused["frees_at"], "2026-03-31T18:30:00.000000Z");
    assert_eq!(to_ravi(&mut world, "2026-03-31T18:30:00Z", "100"), "ok");
}

#[test]
fn one_movement_may_be_too_large_ever() {
    let mut world = World::with(limits(&[("transaction", 50)], &[], None));
    for _ in 0..3 {
        assert_eq!(to_ravi(&mut world, NOON, "50"), "ok");
    }
    assert_eq!(
        to_ravi(&mut world, NOON, "50.01"),
        "transaction_limit_exceeded"
    );
}

#[test]
fn all_wallets_of_an_owner_share_the_limits_and_what_moves_between_them_does_not_count() {
    let mut world = World::with(limits(&[("day", 100)], &[("day", 100)], Some(2_050)));
    assert_eq!(world.code(NOON, wallet(1), wallet(2), "900"), "ok");
    assert_eq!(to_ravi(&mut world, NOON, "60"), "ok");
    assert_eq!(
        world.code(NOON, wallet(2), wallet(3), "41"),
        "period_limit_exceeded"
    );
    assert_eq!(world.code(NOON, wallet(2), wallet(3), "40"), "ok");
    // They hold 1,900 together.
    assert_eq!(world.code(NOON, system("cash"), wallet(1), "100"), "ok");
    let another = "2026-03-31T12:00:00Z";
    assert_eq!(
        world.code(another, system("cash"), wallet(2), "1"),
        "period_limit_exceeded"
    );
    let next_day = "2026-04-01T12:00:00Z";
    assert_eq!(
        world.code(next_day, system("cash"), wallet(2), "51"),
        "balance_limit_exceeded"
    );
    assert_eq!(world.code(next_day, system("cash"), wallet(2), "50"), "ok");
    // A wallet opened now is one of them.
    let fourth = Command::OpenWallet {
        wallet: wallet_id(4),
        owner: owner("asha"),
        overdraft: vec![],
        reference: None,
        metadata: Metadata::default(),
    };
    world.yes(next_day, &fourth);
    assert_eq!(
        world.code(next_day, system("cash"), wallet(4), "1"),
        "balance_limit_exceeded"
    );
}

#[test]
fn whoever_sends_is_not_told_what_the_receiver_has() {
    let mut world = World::with(limits(&[], &[("day", 10)], None));
    let refused = world.pay(NOON, wallet(3), wallet(1), "11").unwrap_err();
    assert_eq!(refused.code(), "receiver_limit_exceeded");
    let shown = serde_json::to_value(&refused).unwrap();
    assert_eq!(
        shown,
        serde_json::json!({ "wallet": wallet_id(1), "asset": "INR" })
    );
    assert!(!refused.to_string().contains("10"), "{refused}");
    // The platform, which deposits, is.
    let refused = world
        .pay(NOON, system("cash"), wallet(1), "11")
        .unwrap_err();
    assert_eq!(refused.code(), "period_limit_exceeded");
}

#[test]
fn a_hold_counts_when_it_is_placed_and_what_is_released_is_given_back_to_that_day() {
    let mut world = World::with(limits(&[("day", 100)], &[], None));
    world.yes(NOON, &place(1, "80", Some(wallet(3))));
    assert_eq!(to_ravi(&mut world, NOON, "21"), "period_limit_exceeded");
    // Captured the next day: it counts where it did.
    let next_day = "2026-04-01T12:00:00Z";
    world.yes(next_day, &capture(1, 200, Some("30")));
    assert_eq!(world.used(NOON, Flow::Outgoing), "30");
    assert_eq!(world.used(next_day, Flow::Outgoing), "0");
    world.yes(next_day, &place(2, "100", None));
    let void = Command::VoidHold {
        hold: hold_id(2),
        reason: None,
    };
    world.yes(next_day, &void);
    assert_eq!(to_ravi(&mut world, next_day, "100"), "ok");
}

#[test]
fn a_revert_gives_back_what_the_transaction_counted() {
    let mut world = World::with(limits(&[("day", 100)], &[], Some(1_000)));
    let Some(Event::Transaction(_)) = world.yes(NOON, &pay(7, wallet(1), wallet(3), "100")).pop()
    else {
        panic!("a transaction");
    };
    let next_day = "2026-04-01T12:00:00Z";
    // Though it brings the owner's wallets above what they may hold: it is a correction.
    world.yes(next_day, &revert(7, 8));
    assert_eq!(world.used(NOON, Flow::Outgoing), "0");
    assert_eq!(world.used(next_day, Flow::Incoming), "0");
    let mut again = World::with(limits(&[("day", 100)], &[], None));
    again.yes(NOON, &pay(7, wallet(1), wallet(3), "100"));
    again.yes(NOON, &revert(7, 8));
    again.yes(NOON, &revert(8, 9));
    // Reverting the revert moves the money again, and counts nothing: staff did both.
    assert_eq!(again.used(NOON, Flow::Outgoing), "0");
}

#[test]
fn fees_use_up_no_limit() {
    let mut world = World::with(limits(&[("day", 100)], &[], None));
    assert_eq!(to_ravi(&mut world, NOON, "100"), "ok");
    assert_eq!(world.code(NOON, wallet(1), system("fees"), "5"), "ok");
    assert_eq!(
        world.code(NOON, wallet(1), system("cash"), "5"),
        "period_limit_exceeded"
    );
}

#[test]
fn what_is_not_allowed_is_refused_however_little() {
    let mut rules = limits(&[], &[], None);
    rules.operations = Some([Operation::Deposit, Operation::Receive].into());
    let mut world = World::with(rules.clone());
    for (to, operation) in [
        (wallet(3), "send"),
        (system("cash"), "withdrawal"),
        (system("fx"), "conversion"),
    ] {
        let refused = world.pay(NOON, wallet(1), to, "0.01").unwrap_err();
        assert_eq!(refused.code(), "operation_not_allowed");
        let shown = serde_json::to_value(&refused).unwrap();
        assert_eq!(shown["operation"], operation);
    }
    assert_eq!(world.code(NOON, system("cash"), wallet(1), "1"), "ok");
    assert_eq!(world.code(NOON, wallet(3), wallet(1), "1"), "ok");
    // A hold that names nobody is judged when it is captured.
    world.yes(NOON, &place(1, "5", None));
    let mut captured = capture(1, 200, Some("5"));
    let Command::CaptureHold { request, .. } = &mut captured else {
        unreachable!()
    };
    request.destination = Some(wallet(3));
    assert_eq!(
        world.ask(NOON, &captured).unwrap_err().code(),
        "operation_not_allowed"
    );
    // An asset that the tier does not name.
    rules.operations = None;
    world.set(rules);
    let mut dollars = pay(300, system("cash"), wallet(1), "1");
    let Command::PostTransaction { request, .. } = &mut dollars else {
        unreachable!()
    };
    request.postings[0].asset = asset_code("USD");
    assert_eq!(
        world.ask(NOON, &dollars).unwrap_err().code(),
        "operation_not_allowed"
    );
}

/// Money that has arrived is never refused: what the owner may not have now waits in suspense.
#[test]
fn a_payment_beyond_the_limit_goes_to_suspense_and_can_be_credited_later() {
    let mut world = World::with(limits(&[], &[("day", 150), ("transaction", 120)], None));
    for number in [1, 2] {
        let create = of_payment(number, PaymentAction::Create(new_payment()));
        world.yes(NOON, &create);
    }
    assert_eq!(world.used(NOON, Flow::Incoming), "0");
    let attempt = |number: u128, name: &str| {
        let status: ObservedPayment = captured_as(name, "100");
        of_payment(number, observe(400 + number, seen(status)))
    };
    world.yes(NOON, &attempt(1, "pay_1"));
    assert_eq!(world.used(NOON, Flow::Incoming), "100");
    let events = world.yes(NOON, &attempt(2, "pay_2"));
    let captured = events[0].to_payload().unwrap();
    assert!(captured.contains("period_limit_exceeded"), "{captured}");
    assert_eq!(world.used(NOON, Flow::Incoming), "100");
    // A third is refused before anybody pays.
    let third = of_payment(3, PaymentAction::Create(new_payment()));
    let refused = world.ask(NOON, &third).unwrap_err();
    assert_eq!(refused.code(), "period_limit_exceeded");
    let credit = |number| {
        let (wallet, transaction) = (wallet_id(1), transaction_id(number));
        of_payment(
            2,
            PaymentAction::Credit {
                wallet,
                transaction,
            },
        )
    };
    let refused = world.ask(NOON, &credit(600)).unwrap_err();
    assert_eq!(refused.code(), "period_limit_exceeded");
    let next_day = "2026-04-01T12:00:00Z";
    world.yes(next_day, &credit(600));
    assert_eq!(world.used(next_day, Flow::Incoming), "100");
}

#[test]
fn a_payout_counts_when_it_is_requested() {
    let mut world = World::with(limits(&[("day", 50)], &[], None));
    for action in [
        BeneficiaryAction::Add {
            wallet: wallet_id(1),
            destination: destination(),
            by: actor("asha"),
        },
        BeneficiaryAction::Verify {
            method: reference("penny drop"),
            by: actor("ravi"),
        },
    ] {
        let (beneficiary, action) = (beneficiary_id(1), Box::new(action));
        world.yes(
            NOON,
            &Command::Beneficiary {
                beneficiary,
                action,
            },
        );
    }
    let request = |number| of_payout(number, PayoutAction::Request(new_payout()));
    world.yes(NOON, &request(1));
    assert_eq!(world.used(NOON, Flow::Outgoing), "40");
    let refused = world.ask(NOON, &request(2)).unwrap_err();
    assert_eq!(refused.code(), "period_limit_exceeded");
    world.yes(NOON, &of_payout(1, PayoutAction::Cancel { reason: None }));
    world.yes(NOON, &request(2));
}

#[test]
fn the_default_tier_is_everybodys_to_whom_none_is_granted() {
    let mut world = World::with(limits(&[("day", 100)], &[], None));
    assert_eq!(world.code(NOON, wallet(3), system("cash"), "500"), "ok");
    let (tier, strict) = (parsed("unverified"), limits(&[("day", 1)], &[], None));
    let rules = Box::new(strict);
    world.yes(NOON, &Command::SetTier { tier, rules });
    world.yes(NOON, &Command::SetDefaultTier { tier });
    // What was moved before there was a limit is not known to it.
    assert_eq!(world.code(NOON, wallet(3), system("cash"), "1"), "ok");
    assert_eq!(
        world.code(NOON, wallet(3), system("cash"), "1"),
        "period_limit_exceeded"
    );
    assert_eq!(to_ravi(&mut world, NOON, "100"), "ok");
    let withdraw = OwnerAction::WithdrawTier {
        source: TierSource::Staff,
        by: None,
        reason: None,
    };
    let (owner, action) = (owner("asha"), Box::new(withdraw));
    world.yes("2026-04-01T12:00:00Z", &Command::Owner { owner, action });
    assert_eq!(
        to_ravi(&mut world, "2026-04-01T12:00:00Z", "2"),
        "period_limit_exceeded"
    );
}

/// Many postings of one transaction are one movement.
#[test]
fn splitting_a_transaction_into_postings_does_not_divide_it() {
    let mut world = World::with(limits(&[("transaction", 50), ("day", 80)], &[], None));
    let mut split = pay(500, wallet(1), wallet(3), "30");
    let Command::PostTransaction { request, .. } = &mut split else {
        unreachable!()
    };
    request
        .postings
        .push(requested(wallet(2), wallet(3), "INR", "30"));
    let refused = world.ask(NOON, &split).unwrap_err();
    assert_eq!(refused.code(), "transaction_limit_exceeded");
}

#[test]
fn a_ledger_refuses_tiers_that_mean_nothing() {
    let mut world = World::with(limits(&[], &[], None));
    let tier = parsed("odd");
    let of = |rules: RequestedTier| Command::SetTier {
        tier,
        rules: Box::new(rules),
    };
    let zero = of(limits(&[("day", 0)], &[], None));
    assert_eq!(
        world.ask(NOON, &zero).unwrap_err().code(),
        "tier_not_an_amount"
    );
    let mut unknown = limits(&[], &[], None);
    unknown
        .assets
        .insert(asset_code("POINTS"), RequestedAssetLimits::default());
    assert_eq!(
        world.ask(NOON, &of(unknown)).unwrap_err().code(),
        "asset_not_found"
    );
    let default = Command::SetDefaultTier { tier };
    assert_eq!(
        world.ask(NOON, &default).unwrap_err().code(),
        "tier_not_found"
    );
    for minutes in [-721, 841] {
        assert!(UtcOffset::try_new(minutes).is_err());
    }
}
