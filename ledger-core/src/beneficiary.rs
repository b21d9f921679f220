//! A beneficiary: where the payouts of a wallet may go.
//!
//! | state    | Add                  | Verify                  | Remove                  |
//! |----------|----------------------|-------------------------|-------------------------|
//! | Absent   | → Added, or `wallet_not_found`, `wallet_closed` | `beneficiary_not_found` | `beneficiary_not_found` |
//! | Added    | `beneficiary_exists` | → Verified, or `beneficiary_verifier_added_it` | → Removed |
//! | Verified | `beneficiary_exists` | nothing                 | → Removed               |
//! | Removed  | `beneficiary_exists` | `beneficiary_removed`   | nothing                 |
//!
//! A person does not verify what they have added themselves, whoever the wallet belongs to. A program
//! may: it checks what it was made to check, at a bank or by a small payment, for whomever it added it.
//!
//! Removed is for ever. The same destination can be added again as another beneficiary
//! ([`beneficiary_id_after`]).
//!
//! **What is not here.** A log keeps everything for ever, so it holds no account number, no UPI
//! handle and no name: only what people need to tell two of their own accounts apart (four last
//! characters and the institution), a token by which a vault that can forget finds the rest, and a
//! fingerprint that tells whether two are the same. The fingerprint must be keyed (an HMAC under a
//! key that is not in the log): account numbers are few enough to be guessed from a plain hash.

mod command;
mod decide;
mod event;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

pub use command::{BeneficiaryAction, BeneficiaryCommand};
pub use event::{
    BeneficiaryDestination, BeneficiaryEvent, DestinationError, DestinationKind, Ending,
    Fingerprint,
};
pub use rejection::BeneficiaryRejection;
pub use state::{Beneficiary, KnownBeneficiary};

use crate::identifier::{BeneficiaryId, WalletId, derived_id};

crate::aggregate::impl_observing_aggregate!(
    Beneficiary,
    "beneficiary",
    BeneficiaryCommand,
    BeneficiaryEvent,
    BeneficiaryRejection
);

/// The id that a destination of a wallet has when it is added for the first time, so that it is there
/// once: adding it again is `beneficiary_exists`.
#[must_use]
pub fn beneficiary_id(wallet: WalletId, fingerprint: &Fingerprint) -> BeneficiaryId {
    BeneficiaryId::new(derived_id(&[
        "beneficiary",
        &wallet.to_string(),
        fingerprint.as_str(),
    ]))
}

/// The id of the same destination after it was removed so many times.
///
/// A beneficiary that was removed stays removed. Whoever adds its destination again, under a corrected name
/// perhaps, adds another beneficiary: it has to be verified anew, what providers know of the first one is
/// not used for it, and payouts that were asked for before do not go by it. As long as the next id is that
/// of the first addition that was not removed, a destination is there once at a time.
#[must_use]
pub fn beneficiary_id_after(
    wallet: WalletId,
    fingerprint: &Fingerprint,
    removals: u32,
) -> BeneficiaryId {
    if removals == 0 {
        return beneficiary_id(wallet, fingerprint);
    }
    BeneficiaryId::new(derived_id(&[
        "beneficiary again",
        &wallet.to_string(),
        fingerprint.as_str(),
        &removals.to_string(),
    ]))
}
