//! The rules of beneficiaries.

use crate::identifier::{BeneficiaryId, WalletId};
use crate::payout::PayoutRejection;
use crate::posting::WalletStatus;

use super::command::{BeneficiaryAction, BeneficiaryCommand};
use super::event::BeneficiaryEvent;
use super::rejection::BeneficiaryRejection;
use super::state::Beneficiary;

impl Beneficiary {
    /// What happens when `command` is carried out; nothing when it says nothing new.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(
        &self,
        command: &BeneficiaryCommand,
    ) -> Result<Option<BeneficiaryEvent>, BeneficiaryRejection> {
        let beneficiary = command.beneficiary;
        match (self, &command.action) {
            (
                Self::Absent,
                BeneficiaryAction::Add {
                    wallet,
                    destination,
                    by,
                },
            ) => {
                check_wallet(*wallet, command.wallet)?;
                Ok(Some(BeneficiaryEvent::BeneficiaryAdded {
                    wallet: *wallet,
                    destination: destination.clone(),
                    by: by.clone(),
                }))
            }
            (Self::Absent, BeneficiaryAction::Verify { .. } | BeneficiaryAction::Remove { .. }) => {
                Err(BeneficiaryRejection::NotFound { beneficiary })
            }
            (
                Self::Added(_) | Self::Verified(_) | Self::Removed(_),
                BeneficiaryAction::Add { .. },
            ) => Err(BeneficiaryRejection::Exists { beneficiary }),
            (Self::Added(known), BeneficiaryAction::Verify { method, by }) => {
                if known.added_by == *by && !by.is_machine() {
                    let actor = by.clone();
                    return Err(BeneficiaryRejection::VerifierAddedIt { beneficiary, actor });
                }
                Ok(Some(BeneficiaryEvent::BeneficiaryVerified {
                    method: method.clone(),
                    by: by.clone(),
                }))
            }
            (Self::Added(_) | Self::Verified(_), BeneficiaryAction::Remove { by, reason }) => {
                Ok(Some(BeneficiaryEvent::BeneficiaryRemoved {
                    by: by.clone(),
                    reason: reason.clone(),
                }))
            }
            (Self::Removed(_), BeneficiaryAction::Verify { .. }) => {
                Err(BeneficiaryRejection::Removed { beneficiary })
            }
            (Self::Verified(_), BeneficiaryAction::Verify { .. })
            | (Self::Removed(_), BeneficiaryAction::Remove { .. }) => Ok(None),
        }
    }

    /// Whether payouts of `wallet` may go there.
    pub(crate) fn check(
        &self,
        beneficiary: BeneficiaryId,
        wallet: WalletId,
    ) -> Result<(), PayoutRejection> {
        match self {
            Self::Verified(known) if known.wallet == wallet => Ok(()),
            Self::Verified(_) => Err(PayoutRejection::BeneficiaryOfOther {
                beneficiary,
                wallet,
            }),
            Self::Absent | Self::Added(_) | Self::Removed(_) => {
                Err(PayoutRejection::BeneficiaryNotVerified { beneficiary })
            }
        }
    }
}

fn check_wallet(
    wallet: WalletId,
    status: Option<WalletStatus>,
) -> Result<(), BeneficiaryRejection> {
    match status {
        Some(WalletStatus::Open | WalletStatus::Frozen(_)) => Ok(()),
        Some(WalletStatus::Closed) => Err(BeneficiaryRejection::WalletClosed { wallet }),
        None => Err(BeneficiaryRejection::WalletNotFound { wallet }),
    }
}
