//! Payouts to bank accounts and cards, and transfers to connected accounts.

use super::answer::{nonsense, not_found, not_read};
use super::wire::List;
use super::wire_out::{Payout, Transfer};
use super::{PROVIDER, StripeGateway};
use crate::gateways::calls::{Body, Call};
use crate::gateways::{
    Attempt, GatewayError, Operation, PayoutLookup, PayoutObservation, PayoutRequest, ProviderId,
    Reference,
};

/// How many pages of payouts are searched for a reference; older ones are found by id only.
const SEARCHED_PAGES: usize = 5;

impl StripeGateway {
    pub(super) async fn sent_payout(
        &self,
        request: &PayoutRequest,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::Payout;
        if request.attempt == Attempt::Again {
            // Stripe may have forgotten the key.
            match self.payout_of(operation, &request.reference).await {
                Err(GatewayError::NotFound { .. }) => {}
                earlier => return same(request, earlier?),
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
        same(request, observed.map_err(not_read(operation))?)
    }

    pub(super) async fn found_payout(
        &self,
        lookup: &PayoutLookup,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::FetchPayout;
        match lookup {
            PayoutLookup::Reference(reference) => self.payout_of(operation, reference).await,
            PayoutLookup::Id(id) if id.as_str().starts_with("tr_") => {
                let path = format!("/v1/transfers/{id}");
                let transfer: Transfer = self.ask(Call::get(operation, path)).await?;
                transfer.observe().map_err(not_read(operation))
            }
            PayoutLookup::Id(id) => {
                let path = format!("/v1/payouts/{id}");
                let payout: Payout = self.ask(Call::get(operation, path)).await?;
                payout.observe().map_err(not_read(operation))
            }
        }
    }

    async fn payout_of(
        &self,
        operation: Operation,
        reference: &Reference,
    ) -> Result<PayoutObservation, GatewayError> {
        let path = format!("/v1/transfers?transfer_group={reference}&limit=1");
        let transfers: List<Transfer> = self.ask(Call::get(operation, path)).await?;
        if let Some(transfer) = transfers.data.into_iter().next() {
            return transfer.observe().map_err(not_read(operation));
        }
        let mut path = "/v1/payouts?limit=100".to_owned();
        for _ in 0..SEARCHED_PAGES {
            let page: List<Payout> = self.ask(Call::get(operation, path)).await?;
            let last = page.data.last().map(|payout| payout.id.clone());
            let is_ours =
                |payout: &Payout| payout.metadata.reference.as_deref() == Some(reference.as_str());
            if let Some(payout) = page.data.into_iter().find(is_ours) {
                return payout.observe().map_err(not_read(operation));
            }
            let Some(last) = last.filter(|_| page.has_more) else {
                break;
            };
            let last: ProviderId = last
                .try_into()
                .map_err(|_| nonsense(operation, "an id that is none"))?;
            path = format!("/v1/payouts?limit=100&starting_after={last}");
        }
        Err(not_found(operation))
    }

    pub(super) async fn cancelled_payout(
        &self,
        payout_id: &ProviderId,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::CancelPayout;
        let path = format!("/v1/payouts/{payout_id}/cancel");
        // Stopping twice is refused and changes nothing, so it may be repeated.
        let call = Call::post(operation, path, Body::Form(String::new())).repeatable();
        let payout: Payout = self.ask(call).await?;
        payout.observe().map_err(not_read(operation))
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
