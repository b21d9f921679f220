//! Payouts to bank accounts and cards, and transfers to connected accounts.

use chrono::{DateTime, TimeDelta, Utc};

use super::wire::List;
use super::wire_out::{Payout, Transfer};
use super::{PROVIDER, StripeGateway};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, GatewayError, Operation, PayoutLookup, PayoutObservation, PayoutRequest, ProviderId,
    Reference,
};

/// How many pages of payouts that were made since are searched for a reference.
const SEARCHED_PAGES: usize = 20;

/// How much earlier than we decided on it a payout may seem to be made: both clocks may be wrong.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(10);

impl StripeGateway {
    pub(super) async fn sent_payout(
        &self,
        request: &PayoutRequest,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::Payout;
        if request.attempt == Attempt::Again {
            // Stripe may have forgotten the key.
            let earlier = self
                .payout_of(operation, &request.reference, request.created_at)
                .await;
            if let Some(earlier) = looked_up(earlier)? {
                return same(request, earlier);
            }
        }
        let amount = request.amount.minor_units().to_string();
        let code = request.amount.asset().code.to_string().to_ascii_lowercase();
        let reference = request.reference.as_str();
        let mut fields = vec![
            ("amount", amount.as_str()),
            ("currency", code.as_str()),
            ("destination", request.beneficiary_id.as_str()),
            ("metadata[reference]", reference),
        ];
        let observed = if request.beneficiary_id.as_str().starts_with("acct_") {
            fields.push(("transfer_group", reference));
            let transfer: Transfer = self
                .make(operation, "/v1/transfers", &request.reference, &fields)
                .await?;
            transfer.observe()
        } else {
            fields.push(("statement_descriptor", &request.narration));
            let payout: Payout = self
                .make(operation, "/v1/payouts", &request.reference, &fields)
                .await?;
            payout.observe()
        };
        same(request, observed.map_err(PROVIDER.not_read(operation))?)
    }

    pub(super) async fn found_payout(
        &self,
        lookup: &PayoutLookup,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::FetchPayout;
        match lookup {
            PayoutLookup::Reference {
                reference,
                created_at,
            } => self.payout_of(operation, reference, *created_at).await,
            PayoutLookup::Id(id) if id.as_str().starts_with("tr_") => {
                let path = format!("/v1/transfers/{id}");
                let transfer: Transfer = self.ask(Call::get(operation, path)).await?;
                transfer.observe().map_err(PROVIDER.not_read(operation))
            }
            PayoutLookup::Id(id) => {
                let path = format!("/v1/payouts/{id}");
                let payout: Payout = self.ask(Call::get(operation, path)).await?;
                payout.observe().map_err(PROVIDER.not_read(operation))
            }
        }
    }

    async fn payout_of(
        &self,
        operation: Operation,
        reference: &Reference,
        created_at: DateTime<Utc>,
    ) -> Result<PayoutObservation, GatewayError> {
        let path = format!("/v1/transfers?transfer_group={reference}&limit=1");
        let transfers: List<Transfer> = self.ask(Call::get(operation, path)).await?;
        if let Some(transfer) = transfers.data.into_iter().next() {
            return transfer.observe().map_err(PROVIDER.not_read(operation));
        }
        let since = created_at.checked_sub_signed(CLOCKS_APART);
        let since = since.unwrap_or(created_at).timestamp().max(0);
        let first = format!("/v1/payouts?limit=100&created[gte]={since}");
        let mut path = first.clone();
        for _ in 0..SEARCHED_PAGES {
            let page: List<Payout> = self.ask(Call::get(operation, path)).await?;
            let last = page.data.last().map(|payout| payout.id.clone());
            let is_ours =
                |payout: &Payout| payout.metadata.reference.as_deref() == Some(reference.as_str());
            if let Some(payout) = page.data.into_iter().find(is_ours) {
                return payout.observe().map_err(PROVIDER.not_read(operation));
            }
            if !page.has_more {
                return Err(PROVIDER.not_found(operation));
            }
            let last =
                last.ok_or_else(|| PROVIDER.nonsense(operation, "more payouts after none"))?;
            let last: ProviderId = last
                .try_into()
                .map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?;
            path = format!("{first}&starting_after={last}");
        }
        Err(PROVIDER.search_ended(operation))
    }
}

fn same(
    request: &PayoutRequest,
    observed: PayoutObservation,
) -> Result<PayoutObservation, GatewayError> {
    if observed.amount != request.amount {
        return Err(GatewayError::ReferenceReused {
            provider: PROVIDER,
            operation: Operation::Payout,
        });
    }
    Ok(observed)
}
