//! What a client can follow, and which events concern it.
//!
//! Everything is derived from the event alone, so that a live delivery, a replay from JetStream
//! and a replay from PostgreSQL choose the same events.

use std::fmt;
use std::str::FromStr;

use ledger_core::hold::HoldEvent;
use ledger_core::ledger::LedgerEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::verification::CaseEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{AccountId, CaseId, Event, Holder, OwnerId, Stream, WalletId};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Why a text is not a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a channel is \"ledger\", \"wallet:<uuid>\", \"case:<uuid>\", \"onboarding:<owner>\" or \"account:<account>\", like \"account:system:cash:INR\""
)]
pub struct ChannelError;

/// A part of a ledger that a client can follow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Every event of the ledger; written `ledger`.
    Ledger,
    /// A wallet: its own events, and movements and holds on its accounts; `wallet:<uuid>`.
    Wallet(WalletId),
    /// An account: movements and holds on it, and what happens to its holder; `account:<id>`.
    Account(AccountId),
    /// A verification case, as far as its owner is told; `case:<uuid>`.
    Case(CaseId),
    /// The onboarding of an owner, as far as they are told; `onboarding:<owner>`.
    Onboarding(OwnerId),
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger => formatter.write_str("ledger"),
            Self::Wallet(id) => write!(formatter, "wallet:{id}"),
            Self::Account(id) => write!(formatter, "account:{id}"),
            Self::Case(id) => write!(formatter, "case:{id}"),
            Self::Onboarding(owner) => write!(formatter, "onboarding:{owner}"),
        }
    }
}

impl FromStr for Channel {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let channel = match text.split_once(':') {
            None if text == "ledger" => Some(Self::Ledger),
            Some(("wallet", id)) => id.parse().ok().map(Self::Wallet),
            Some(("account", id)) => id.parse().ok().map(Self::Account),
            Some(("case", id)) => id.parse().ok().map(Self::Case),
            Some(("onboarding", owner)) => owner.parse().ok().map(Self::Onboarding),
            _ => None,
        };
        channel.ok_or(ChannelError)
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Channel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Channel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(ledger|(wallet|case):[0-9a-fA-F-]{36}|onboarding:\\S(.{0,126}\\S)?|account:(wallet:[0-9a-fA-F-]{36}|system:[a-z][a-z0-9_.-]{0,47}):[A-Z][A-Z0-9._-]{0,23})$",
            "description": "What to follow: ledger, wallet:<uuid>, account:<account>, case:<uuid> or onboarding:<owner>. The server writes UUIDs in lower case.",
            "examples": [
                "ledger",
                "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001",
                "account:system:cash:INR",
                "case:0190b8a2-5b7e-7c3d-8f00-0000000000f1",
                "onboarding:customer-42"
            ],
        })
    }
}

/// The channels that an event concerns, apart from `ledger`, which every event does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concerns {
    /// Each once, in order.
    channels: Vec<Channel>,
    /// Besides, every account of this holder.
    holder: Option<Holder>,
}

impl Concerns {
    /// The channels that an event of this stream concerns.
    #[must_use]
    pub fn of(stream: &Stream, event: &Event) -> Self {
        let mut concerns = Self::default();
        match event {
            Event::Ledger(event) => concerns.add_ledger_event(event),
            Event::Wallet(event) => concerns.add_wallet_event(stream, event),
            Event::Transaction(event) => concerns.add_transaction_event(event),
            Event::Hold(event) => concerns.add_hold_event(event),
            // They tell how the platform works with its providers, which is not for those who
            // follow a wallet; what they move is told by the transactions and holds beside them.
            Event::Payment(_) | Event::Payout(_) | Event::Beneficiary(_) | Event::Settlement(_) => {
            }
            // They say what bounds somebody and who somebody is, which is nobody's but theirs and the staff's.
            Event::Owner(_) | Event::Profile(_) => {}
            Event::VerificationCase(event) => concerns.add_case_event(stream, event),
            Event::Onboarding(event) => {
                let channel = Channel::Onboarding(event.owner().clone());
                concerns.channels.push(channel);
            }
        }
        concerns.channels.sort_unstable();
        concerns.channels.dedup();
        concerns
    }

    /// Whether the event concerns a channel.
    #[must_use]
    pub fn contains(&self, channel: &Channel) -> bool {
        match channel {
            Channel::Ledger => true,
            Channel::Account(account) if self.holder == Some(account.holder) => true,
            Channel::Wallet(_)
            | Channel::Account(_)
            | Channel::Case(_)
            | Channel::Onboarding(_) => self.channels.binary_search(channel).is_ok(),
        }
    }

    /// The channels named; `ledger` and the accounts of [`Self::holder`] come on top.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The holder whose every account is concerned.
    #[must_use]
    pub const fn holder(&self) -> Option<Holder> {
        self.holder
    }

    fn add_ledger_event(&mut self, event: &LedgerEvent) {
        match event {
            LedgerEvent::SystemAccountOpened { account } => {
                self.holder = Some(Holder::System(account.name));
            }
            LedgerEvent::LedgerOpened { .. }
            | LedgerEvent::AssetRegistered { .. }
            | LedgerEvent::TierSet { .. }
            | LedgerEvent::DefaultTierSet { .. }
            | LedgerEvent::PaymentPolicySet { .. } => {}
        }
    }

    fn add_wallet_event(&mut self, stream: &Stream, event: &WalletEvent) {
        let Stream::Wallet(wallet) = stream else {
            return;
        };
        let holder = Holder::Wallet(*wallet);
        self.channels.push(Channel::Wallet(*wallet));
        match event {
            WalletEvent::WalletOverdraftSet { asset, .. } => {
                self.channels.push(Channel::Account(holder.account(*asset)));
            }
            WalletEvent::WalletOpened { .. }
            | WalletEvent::WalletFrozen { .. }
            | WalletEvent::WalletUnfrozen { .. }
            | WalletEvent::WalletClosed { .. } => self.holder = Some(holder),
        }
    }

    fn add_transaction_event(&mut self, event: &TransactionEvent) {
        match event {
            TransactionEvent::TransactionPosted { postings, .. } => {
                for posting in postings {
                    self.add_account(posting.debited());
                    self.add_account(posting.credited());
                }
            }
            // The reverting transaction names the accounts, in the event beside this one.
            TransactionEvent::TransactionReverted { .. } => {}
        }
    }

    fn add_hold_event(&mut self, event: &HoldEvent) {
        self.add_account(event.account());
    }

    fn add_case_event(&mut self, stream: &Stream, event: &CaseEvent) {
        let Stream::VerificationCase(case) = stream else {
            return;
        };
        match event {
            // It decides nothing, and there would be nothing left of it to tell.
            CaseEvent::FindingNoted { .. } => {}
            CaseEvent::CaseOpened { .. }
            | CaseEvent::DocumentsRequested { .. }
            | CaseEvent::DocumentReceived { .. }
            | CaseEvent::DocumentRemoved { .. }
            | CaseEvent::CaseSubmitted { .. }
            | CaseEvent::CaseReviewStarted { .. }
            | CaseEvent::CaseApproved { .. }
            | CaseEvent::CaseRejected { .. }
            | CaseEvent::CaseExpired { .. }
            | CaseEvent::CaseReset { .. }
            | CaseEvent::ReverificationDue { .. } => self.channels.push(Channel::Case(*case)),
        }
    }

    fn add_account(&mut self, account: AccountId) {
        self.channels.push(Channel::Account(account));
        if let Holder::Wallet(wallet) = account.holder {
            self.channels.push(Channel::Wallet(wallet));
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::AggregateType;

    use super::*;

    const WALLET: &str = "0190b8a2-5b7e-7c3d-8f00-000000000001";
    const OTHER: &str = "0190b8a2-5b7e-7c3d-8f00-000000000002";

    fn channel(text: &str) -> Channel {
        text.parse().unwrap()
    }

    fn concerns(aggregate_type: AggregateType, id: &str, event_type: &str, data: &str) -> Concerns {
        let payload = format!("{{\"{event_type}\":{data}}}");
        let event = Event::from_payload(aggregate_type, event_type, "1", &payload).unwrap();
        Concerns::of(&Stream::parse(aggregate_type, id).unwrap(), &event)
    }

    #[test]
    fn channels_keep_their_names() {
        for text in [
            "ledger".to_owned(),
            format!("wallet:{WALLET}"),
            format!("case:{WALLET}"),
            "onboarding:somebody: \"with\" colons".to_owned(),
            format!("account:wallet:{WALLET}:INR"),
            "account:system:gateway_clearing.razorpay:INR".to_owned(),
        ] {
            assert_eq!(channel(&text).to_string(), text);
        }
        assert_eq!(
            channel(&format!("wallet:{}", WALLET.to_uppercase())),
            channel(&format!("wallet:{WALLET}"))
        );
    }

    #[test]
    fn other_texts_are_not_channels() {
        for text in [
            "",
            "ledger:",
            "Ledger",
            "wallet",
            "wallet:",
            "wallet:1",
            "case:nina",
            "onboarding:",
            "onboarding: nina",
            "onboarding:ni\nna",
            "account:wallet:x:INR",
            "account:system:cash",
            "account:cash:INR",
            "system:cash:INR",
            "wallet:*",
        ] {
            assert_eq!(Channel::from_str(text), Err(ChannelError), "{text}");
        }
    }

    #[test]
    fn a_posting_concerns_both_accounts_and_their_wallets() {
        let posted = concerns(
            AggregateType::Transaction,
            OTHER,
            "TransactionPosted",
            &format!(
                r#"{{"postings":[{{"source":"system:cash","destination":"wallet:{WALLET}","asset":"INR","amount":"1.00"}},
                    {{"source":"wallet:{WALLET}","destination":"wallet:{OTHER}","asset":"INR","amount":"1.00"}}],
                    "effective_at":"2026-01-01T00:00:00Z"}}"#
            ),
        );
        let expected = [
            format!("wallet:{WALLET}"),
            format!("wallet:{OTHER}"),
            format!("account:wallet:{WALLET}:INR"),
            format!("account:wallet:{OTHER}:INR"),
            "account:system:cash:INR".to_owned(),
        ];
        let names: Vec<String> = posted.channels().iter().map(Channel::to_string).collect();
        assert_eq!(names, expected);
        assert!(posted.contains(&Channel::Ledger));
        assert!(!posted.contains(&channel(&format!("account:wallet:{WALLET}:USD"))));
    }

    #[test]
    fn what_happens_to_a_wallet_concerns_every_account_of_it() {
        let frozen = concerns(
            AggregateType::Wallet,
            WALLET,
            "WalletFrozen",
            r#"{"scope":"debits"}"#,
        );
        assert!(frozen.contains(&channel(&format!("wallet:{WALLET}"))));
        assert!(frozen.contains(&channel(&format!("account:wallet:{WALLET}:USD"))));
        assert!(!frozen.contains(&channel(&format!("account:wallet:{OTHER}:USD"))));
        assert!(!frozen.contains(&channel(&format!("wallet:{OTHER}"))));
    }

    #[test]
    fn what_is_decided_about_a_case_concerns_it_and_what_is_noted_does_not() {
        let kind = AggregateType::VerificationCase;
        let source = r#"{"actor":"meera"}"#;
        let reset = format!(r#"{{"source":{source}}}"#);
        let reset = concerns(kind, OTHER, "CaseReset", &reset);
        assert!(reset.contains(&channel(&format!("case:{OTHER}"))));
        assert!(!reset.contains(&channel(&format!("case:{WALLET}"))));
        assert!(!reset.contains(&channel(&format!("wallet:{OTHER}"))));
        let noted = r#"{"observed":{"provider":"sumsub","observed_at":"2026-01-01T00:00:00Z","finding":"pending"}}"#;
        let noted = concerns(kind, OTHER, "FindingNoted", noted);
        assert!(!noted.contains(&channel(&format!("case:{OTHER}"))));
    }

    #[test]
    fn an_onboarding_concerns_its_owner_alone() {
        let kind = AggregateType::Onboarding;
        let rejected = concerns(kind, OTHER, "OnboardingRejected", r#"{"owner":"nina"}"#);
        assert!(rejected.contains(&channel("onboarding:nina")));
        assert!(!rejected.contains(&channel("onboarding:asha")));
        assert!(!rejected.contains(&channel(&format!("case:{OTHER}"))));
    }

    #[test]
    fn a_hold_concerns_the_account_whose_money_is_reserved() {
        let voided = concerns(
            AggregateType::Hold,
            OTHER,
            "HoldVoided",
            &format!(r#"{{"source":"wallet:{WALLET}","asset":"INR","released":"2.00"}}"#),
        );
        assert!(voided.contains(&channel(&format!("wallet:{WALLET}"))));
        assert!(voided.contains(&channel(&format!("account:wallet:{WALLET}:INR"))));
        assert!(!voided.contains(&channel(&format!("account:wallet:{WALLET}:USD"))));
    }
}
