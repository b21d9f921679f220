//! What an event of a payment or payout makes the ledger do: told as data, carried out by the
//! decision in the same append.

use crate::annotation::Reference;
use crate::hold::HoldManager;
use crate::identifier::{HoldId, Holder, TransactionId};
use crate::money::{Amount, AssetCode};
use crate::posting::RequestedPosting;
use crate::transaction::TransactionCause;

/// Whether the rules about wallets are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// They are: the movement is ours to refuse.
    Ordinary,
    /// The money has moved outside already, so neither a freeze nor a low balance can refuse it.
    /// How much a wallet is made to bear was decided before.
    Fact,
}

/// Something that happens beside an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Money moves.
    Post {
        /// The transaction that moves it.
        transaction: TransactionId,
        /// What moves.
        postings: Vec<RequestedPosting>,
        /// Why.
        cause: TransactionCause,
        /// Whether the wallets' rules are asked.
        authority: Authority,
    },
    /// Money is reserved.
    Reserve {
        /// The new hold.
        hold: HoldId,
        /// Whose hold it is.
        manager: HoldManager,
        /// Whose money is reserved.
        source: Holder,
        /// Who will receive it.
        destination: Option<Holder>,
        /// Which asset.
        asset: AssetCode,
        /// How much.
        amount: Amount,
    },
    /// Reserved money moves, all of it.
    Capture {
        /// The hold.
        hold: HoldId,
        /// Whose hold it is.
        manager: HoldManager,
        /// The transaction that moves it.
        transaction: TransactionId,
        /// Who receives it.
        destination: Holder,
    },
    /// Reserved money is given back.
    Release {
        /// The hold.
        hold: HoldId,
        /// Whose hold it is.
        manager: HoldManager,
        /// Why.
        reason: Option<Reference>,
    },
}
