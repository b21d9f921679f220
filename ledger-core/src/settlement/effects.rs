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
            payouts,
            fees,
            bank,
            transaction: Some(transaction),
            ..
        } = self
        else {
            return Vec::new();
        };
        let (clearing, bank) = (provider.clearing(), Holder::System(*bank));
        let between = |net: &SettlementNet, ours: Holder| {
            let (source, destination, amount) = match net {
                SettlementNet::Received(amount) => (ours, clearing, amount),
                SettlementNet::Taken(amount) => (clearing, ours, amount),
                SettlementNet::Nothing => return None,
            };
            Some(RequestedPosting {
                source,
                destination,
                asset: *asset,
                amount: amount.value(),
            })
        };
        // What was paid out of the batch did not arrive, and need not be put there: it is as if it had been
        // paid to us and put there by us.
        let paid_out = match *payouts {
            SettlementNet::Taken(amount) => SettlementNet::Received(amount),
            SettlementNet::Received(amount) => SettlementNet::Taken(amount),
            SettlementNet::Nothing => SettlementNet::Nothing,
        };
        let mut postings: Vec<RequestedPosting> = between(net, bank)
            .into_iter()
            .chain(between(&paid_out, provider.payouts()))
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
