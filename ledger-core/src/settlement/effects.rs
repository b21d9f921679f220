//! What each event of a settlement makes the ledger do; `docs/PAYMENTS.md` has the table.

use crate::identifier::{Holder, SettlementId};
use crate::posting::RequestedPosting;
use crate::provider::{Authority, Effect};
use crate::transaction::TransactionCause;

use super::event::{SettlementEvent, SettlementNet};

impl SettlementEvent {
    /// What happens beside it.
    #[must_use]
    pub fn effects(&self, settlement: SettlementId) -> Vec<Effect> {
        let Self::SettlementRecorded {
            provider,
            asset,
            net,
            fees,
            bank,
            transaction: Some(transaction),
            ..
        } = self
        else {
            return Vec::new();
        };
        let (clearing, bank) = (provider.clearing(), Holder::System(*bank));
        let moved = match net {
            SettlementNet::Received(amount) => Some((bank, clearing, amount)),
            SettlementNet::Taken(amount) => Some((clearing, bank, amount)),
            SettlementNet::Nothing => None,
        };
        let mut postings: Vec<RequestedPosting> = moved
            .map(|(source, destination, amount)| RequestedPosting {
                source,
                destination,
                asset: *asset,
                amount: amount.value(),
            })
            .into_iter()
            .collect();
        postings.extend(fees.postings(*provider, clearing, *asset));
        vec![Effect::Post {
            transaction: *transaction,
            postings,
            cause: TransactionCause::Settlement(settlement),
            authority: Authority::Ordinary,
        }]
    }
}
