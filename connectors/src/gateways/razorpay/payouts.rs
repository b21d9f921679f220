//! Payouts of RazorpayX: a contact, their account ("fund account"), and money to it.

use hyper::header::HeaderName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PAGE, first_of};
use super::refunds::key;
use super::wire::{Collection, Payout};
use super::{PROVIDER, RazorpayGateway};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, BankDestination, Beneficiary, BeneficiaryRequest, GatewayError, Operation,
    PayoutLookup, PayoutMode, PayoutObservation, PayoutRequest, Reference,
};
use crate::providers::Body;
use crate::secret::Secret;

/// The most that goes by IMPS: 5 lakh rupees, in paise.
const MOST_BY_IMPS: u64 = 50_000_000;

const PAYOUT_IDEMPOTENCY: HeaderName = HeaderName::from_static("x-payout-idempotency");

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct FundAccount {
    account_type: String,
}

impl RazorpayGateway {
    fn payout_account(&self, operation: Operation) -> Result<&Secret, GatewayError> {
        let account = self.settings.payout_account.as_ref();
        account.ok_or_else(|| PROVIDER.unsupported(operation))
    }

    /// Razorpay answers with the contact and the account that it has already when both are as before, so
    /// that a repeat is harmless.
    pub(super) async fn registered_beneficiary(
        &self,
        request: &BeneficiaryRequest,
    ) -> Result<Beneficiary, GatewayError> {
        let operation = Operation::RegisterBeneficiary;
        self.payout_account(operation)?;
        let mut contact = json!({
            "name": request.name,
            "type": "customer",
            "reference_id": request.reference,
        });
        if let Some(email) = &request.email {
            contact["email"] = email.as_str().into();
        }
        if let Some(phone) = &request.phone {
            contact["contact"] = phone.as_str().into();
        }
        let call = Call::post(operation, "/v1/contacts", Body::Json(contact)).repeatable();
        let contact: Named = self.ask(call).await?;
        let account = account(&contact.id, request);
        let call = Call::post(operation, "/v1/fund_accounts", Body::Json(account)).repeatable();
        let account: Named = self.ask(call).await?;
        let beneficiary_id = account
            .id
            .try_into()
            .map_err(|_| PROVIDER.nonsense(operation, "a fund account's id that is none"))?;
        Ok(Beneficiary { beneficiary_id })
    }

    pub(super) async fn sent_payout(
        &self,
        request: &PayoutRequest,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::Payout;
        if request.reference.as_str().len() > 36 {
            return Err(GatewayError::Invalid {
                field: "reference",
                rule: "is at most 36 characters",
            });
        }
        if request.attempt == Attempt::Again {
            // Nobody says how long Razorpay remembers a key.
            let earlier = self.payout_of(operation, &request.reference).await;
            if let Some(earlier) = looked_up(earlier)? {
                return same(
                    request,
                    earlier.observe().map_err(PROVIDER.not_read(operation))?,
                );
            }
        }
        let payout = self.new_payout(request).await?;
        same(
            request,
            payout.observe().map_err(PROVIDER.not_read(operation))?,
        )
    }

    async fn new_payout(&self, request: &PayoutRequest) -> Result<Payout, GatewayError> {
        let account = self.payout_account(Operation::Payout)?;
        let mode = match request.mode {
            PayoutMode::Default => self.fitting_mode(request).await?,
            PayoutMode::Imps => "IMPS",
            PayoutMode::Neft => "NEFT",
            PayoutMode::Rtgs => "RTGS",
            PayoutMode::Upi => "UPI",
        };
        let body = json!({
            "account_number": account.reveal(),
            "fund_account_id": request.beneficiary_id,
            "amount": request.amount.minor_units(),
            "currency": request.amount.asset().code,
            "mode": mode,
            "purpose": "payout",
            "queue_if_low_balance": true,
            "reference_id": request.reference,
            "narration": request.narration,
        });
        let call = Call::post(Operation::Payout, "/v1/payouts", Body::Json(body))
            .with_header(PAYOUT_IDEMPOTENCY, key(&request.reference)?)
            .known_again();
        self.ask(call).await
    }

    /// The rail that takes the money to the beneficiary soonest. It is the same in every attempt, because
    /// Razorpay compares the requests that come under one key.
    async fn fitting_mode(&self, request: &PayoutRequest) -> Result<&'static str, GatewayError> {
        let path = format!("/v1/fund_accounts/{}", request.beneficiary_id);
        let account: FundAccount = self.ask(Call::get(Operation::Payout, path)).await?;
        match account.account_type.as_str() {
            "vpa" => Ok("UPI"),
            "bank_account" if request.amount.minor_units() <= MOST_BY_IMPS => Ok("IMPS"),
            "bank_account" => Ok("RTGS"),
            _ => Err(GatewayError::Invalid {
                field: "beneficiary",
                rule: "is a bank account or a UPI address",
            }),
        }
    }

    pub(super) async fn found_payout(
        &self,
        lookup: &PayoutLookup,
    ) -> Result<PayoutObservation, GatewayError> {
        let operation = Operation::FetchPayout;
        let payout = match lookup {
            PayoutLookup::Id(id) => {
                self.payout_account(operation)?;
                let path = format!("/v1/payouts/{id}");
                self.ask::<Payout>(Call::get(operation, path)).await?
            }
            PayoutLookup::Reference { reference, .. } => {
                self.payout_of(operation, reference).await?
            }
        };
        payout.observe().map_err(PROVIDER.not_read(operation))
    }

    async fn payout_of(
        &self,
        operation: Operation,
        reference: &Reference,
    ) -> Result<Payout, GatewayError> {
        let query = crate::outbound::form(&[
            ("account_number", self.payout_account(operation)?.reveal()),
            ("reference_id", reference.as_str()),
            ("count", &PAGE.to_string()),
        ]);
        let path = format!("/v1/payouts?{query}");
        let payouts: Collection<Payout> = self.ask(Call::get(operation, path)).await?;
        let is_ours = |payout: &Payout| payout.reference_id.as_deref() == Some(reference.as_str());
        first_of(operation, payouts.items, is_ours)
    }
}

/// What was made or found, if it is what was asked for.
fn same(
    request: &PayoutRequest,
    observed: PayoutObservation,
) -> Result<PayoutObservation, GatewayError> {
    if observed.amount == request.amount {
        return Ok(observed);
    }
    Err(GatewayError::ReferenceReused {
        provider: PROVIDER,
        operation: Operation::Payout,
    })
}

fn account(contact_id: &str, request: &BeneficiaryRequest) -> Value {
    match &request.destination {
        BankDestination::IndianAccount {
            account_number,
            ifsc,
        } => json!({
            "contact_id": contact_id,
            "account_type": "bank_account",
            "bank_account": {
                "name": request.name,
                "ifsc": ifsc,
                "account_number": account_number.reveal(),
            },
        }),
        BankDestination::Upi { address } => json!({
            "contact_id": contact_id,
            "account_type": "vpa",
            "vpa": {"address": address.reveal()},
        }),
    }
}
