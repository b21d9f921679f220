//! Where payouts of a wallet may go.

use event_store::executor::Atomicity;
use identity::destinations::{Destination, Kept};
use ledger_core::annotation::Reference;
use ledger_core::beneficiary::{
    BeneficiaryAction, BeneficiaryDestination, BeneficiaryRejection, DestinationKind, Ending,
    Fingerprint, beneficiary_id,
};
use ledger_core::{BeneficiaryId, Command, LedgerName, ProviderReference, Rejection, WalletId};
use poem_openapi::OpenApi;
use projections::queries::payments::OutsideFilter;
use projections::queries::payments::rows::BeneficiaryRow;

use super::{USED, actor_id};
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{Problem, catalogue};
use crate::reading::{Freshness, ListIdentity, Paging};
use crate::reply::{Answer, Created, Done};
use crate::representation::answer::PageAnswer;
use crate::representation::payments::BeneficiaryStatusName;
use crate::representation::payments::beneficiary::{
    AddBeneficiaryRequest, BeneficiaryAdded, BeneficiaryChanged, BeneficiaryView,
    DestinationKindName, VerifyBeneficiaryRequest,
};
use crate::representation::wallet::ReasonRequest;
use crate::routes::Part;
use crate::routes::groups::{BeneficiaryCommandParameters, WalletCommandParameters, ledger};
use crate::services::Services;
use crate::strict_json::{OptionalJson, StrictJson};

/// Which beneficiaries of a wallet.
#[derive(Debug)]
pub struct BeneficiariesQuery {
    ledger: LedgerName,
    filter: OutsideFilter,
    paging: Paging,
    freshness: Freshness,
}

impl ParameterGroup for BeneficiariesQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let wallet = from.path::<WalletId>("wallet_id", "The wallet.");
        let status = from.query::<BeneficiaryStatusName>("status", "Only those in this state.");
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            filter: OutsideFilter {
                wallet: Some(wallet?),
                status: status?.map(|status| status.as_str().to_owned()),
                ..OutsideFilter::default()
            },
            paging: paging?,
            freshness: freshness?,
        })
    }
}

/// Operations on beneficiaries.
#[derive(Clone)]
pub struct BeneficiaryOperations(pub Services);

#[OpenApi]
impl BeneficiaryOperations {
    /// Add a place where payouts of a wallet may go once it is verified.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/beneficiaries",
        method = "post",
        operation_id = "add_beneficiary",
        tag = "Part::Payouts"
    )]
    async fn add(
        &self,
        context: RequestContext,
        parameters: Parameters<WalletCommandParameters>,
        request: StrictJson<AddBeneficiaryRequest>,
    ) -> Result<Created<BeneficiaryAdded>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, wallet) = (parameters.ledger, parameters.wallet);
        let destination = request.destination().map_err(Problem::invalid_request)?;
        let identities = self.0.identities();
        let fingerprint = identities
            .fingerprint(ledger, &destination)
            .parse::<Fingerprint>()
            .map_err(|error| Problem::internal(&error))?;
        let beneficiary = beneficiary_id(wallet, &fingerprint);
        let command = Command::Beneficiary {
            beneficiary,
            action: Box::new(BeneficiaryAction::Add {
                wallet,
                destination: known_to_the_log(&request, beneficiary, fingerprint)?,
                by: actor_id(&context)?,
            }),
        };
        context
            .caller
            .check_commands(ledger, std::slice::from_ref(&command))
            .await?;
        let kept = self.keep(ledger, beneficiary, &destination).await?;
        let intent = Intent {
            ledger,
            key: Key::from_header(parameters.key),
            request: &request,
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(&context, intent).await;
        self.tidy(ledger, beneficiary, kept, &carried).await?;
        let carried = carried?;
        let body = BeneficiaryAdded {
            id: beneficiary.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        let location = format!("/v1/ledgers/{ledger}/wallets/{wallet}/beneficiaries");
        Ok(Created::new(&carried, location, body))
    }

    /// List where payouts of a wallet may go, newest first.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/beneficiaries",
        method = "get",
        operation_id = "list_beneficiaries",
        tag = "Part::Payouts"
    )]
    async fn list(
        &self,
        context: RequestContext,
        parameters: Parameters<BeneficiariesQuery>,
    ) -> Result<Answer<PageAnswer<BeneficiaryView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let list = ListIdentity::of(&context.uri);
        let page = query.paging.request(&list)?;
        self.0
            .wait_for(query.freshness, query.ledger, &USED)
            .await?;
        let queries = &self.0.queries;
        let found = queries
            .documents::<BeneficiaryRow>(query.ledger, &query.filter, page)
            .await?;
        Ok(Answer(PageAnswer::of(found, &list)))
    }

    /// Say that a beneficiary is whose it should be.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/beneficiaries/:beneficiary_id/verify",
        method = "post",
        operation_id = "verify_beneficiary",
        tag = "Part::Payouts"
    )]
    async fn verify(
        &self,
        context: RequestContext,
        parameters: Parameters<BeneficiaryCommandParameters>,
        request: StrictJson<VerifyBeneficiaryRequest>,
    ) -> Result<Done<BeneficiaryChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let action = BeneficiaryAction::Verify {
            method: request.method.0.clone(),
            by: actor_id(&context)?,
        };
        self.change(&context, parameters, &request, action).await
    }

    /// Let nothing go to a beneficiary any more.
    #[oai(
        path = "/v1/ledgers/:ledger/wallets/:wallet_id/beneficiaries/:beneficiary_id/remove",
        method = "post",
        operation_id = "remove_beneficiary",
        tag = "Part::Payouts"
    )]
    async fn remove(
        &self,
        context: RequestContext,
        parameters: Parameters<BeneficiaryCommandParameters>,
        request: OptionalJson<ReasonRequest>,
    ) -> Result<Done<BeneficiaryChanged>, CommandProblem> {
        let (Parameters(parameters), OptionalJson(request)) = (parameters, request);
        let action = BeneficiaryAction::Remove {
            by: actor_id(&context)?,
            reason: request.reason(),
        };
        self.change(&context, parameters, &request, action).await
    }
}

/// What the log learns of a destination.
fn known_to_the_log(
    request: &AddBeneficiaryRequest,
    beneficiary: BeneficiaryId,
    fingerprint: Fingerprint,
) -> Result<BeneficiaryDestination, Problem> {
    let (ending, institution) = request.shown();
    let ending = ending.map(|text| text.parse::<Ending>()).transpose();
    let institution = institution
        .map(|text| text.parse::<Reference>())
        .transpose();
    let token = beneficiary.to_string().parse::<ProviderReference>();
    Ok(BeneficiaryDestination {
        kind: match request.kind {
            DestinationKindName::BankAccount => DestinationKind::BankAccount,
            DestinationKindName::Vpa => DestinationKind::Vpa,
            DestinationKindName::ProviderAccount => DestinationKind::ProviderAccount,
        },
        ending: ending.map_err(|error| Problem::internal(&error))?,
        institution: institution.map_err(|error| Problem::internal(&error))?,
        token: token.map_err(|error| Problem::internal(&error))?,
        fingerprint,
    })
}

impl BeneficiaryOperations {
    async fn keep(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
        destination: &Destination,
    ) -> Result<Kept, Problem> {
        let identities = self.0.identities();
        let kept = identities
            .keep_destination(ledger, beneficiary, destination)
            .await?;
        Ok(kept)
    }

    /// Forgets the destination of a beneficiary that certainly is not.
    async fn tidy(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
        kept: Kept,
        carried: &Result<Carried, Problem>,
    ) -> Result<(), Problem> {
        let Err(problem) = carried else {
            return Ok(());
        };
        let may_be = [
            catalogue::OUTCOME_UNKNOWN,
            catalogue::INTERNAL_FAULT,
            "beneficiary_exists",
        ];
        if kept == Kept::Now && !may_be.contains(&problem.code()) {
            let identities = self.0.identities();
            identities.forget_destination(ledger, beneficiary).await?;
        }
        Ok(())
    }

    async fn change<B: serde::Serialize>(
        &self,
        context: &RequestContext,
        parameters: BeneficiaryCommandParameters,
        request: &B,
        action: BeneficiaryAction,
    ) -> Result<Done<BeneficiaryChanged>, CommandProblem> {
        let (ledger, beneficiary) = (parameters.ledger, parameters.beneficiary);
        let id = beneficiary.as_uuid();
        let found: Option<BeneficiaryRow> = self.0.just_written(ledger, id).await?;
        if found.is_none_or(|row| row.wallet != parameters.wallet) {
            let rejection = BeneficiaryRejection::NotFound { beneficiary };
            return Err(Problem::from(Rejection::from(rejection)).into());
        }
        let intent = Intent {
            ledger,
            key: Key::from_header(parameters.key),
            request,
            commands: vec![Command::Beneficiary {
                beneficiary,
                action: Box::new(action),
            }],
            atomicity: Atomicity::AllOrNothing,
        };
        let carried = self.0.commands.submit_one(context, intent).await?;
        let body = BeneficiaryChanged {
            id: beneficiary.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        Ok(Done::new(&carried, body))
    }
}
