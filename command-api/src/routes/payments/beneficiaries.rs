//! Where payouts of a wallet may go.

use ledger_core::annotation::Reference;
use ledger_core::beneficiary::{
    BeneficiaryAction, BeneficiaryDestination, BeneficiaryRejection, DestinationKind, Ending,
    Fingerprint, beneficiary_id_after,
};
use ledger_core::{BeneficiaryId, Command, LedgerName, ProviderReference, Rejection, WalletId};
use poem_openapi::OpenApi;
use projections::queries::payments::OutsideFilter;
use projections::queries::payments::rows::BeneficiaryRow;

use super::{USED, actor_id};
use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::{Concealed, Key};
use crate::notes::DestinationNote;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::{CommandProblem, QueryProblem};
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

/// How often one destination is removed and added again, far more often than people mistype names: each
/// time costs one look more.
const MOST_ADDITIONS: u32 = 64;

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
        let beneficiary = self.next_addition(ledger, wallet, &fingerprint).await?;
        let command = Command::Beneficiary {
            beneficiary,
            action: Box::new(BeneficiaryAction::Add {
                wallet,
                destination: known_to_the_log(&request, beneficiary, fingerprint)?,
                by: actor_id(&context)?,
            }),
        };
        let note = DestinationNote {
            identities,
            ledger,
            beneficiary,
            destination,
        };
        let concealed = Concealed::of(identities, &request)?;
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(ledger, key, &concealed, command);
        let commands = &self.0.commands;
        let carried = commands.submit_noted(&context, intent, &note).await?;
        let body = BeneficiaryAdded {
            // The one that was added, though it may have been removed since.
            id: carried
                .created
                .map_or(beneficiary, BeneficiaryId::new)
                .into(),
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
        let (ledger, beneficiary) = (parameters.ledger, parameters.beneficiary);
        self.check_wallet(&parameters).await?;
        // Before it is removed: otherwise a crash in between would keep the destination for ever.
        self.0
            .identities()
            .note_removal(ledger, beneficiary)
            .await?;
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
    /// The first addition of a destination that was not removed. Two that are added at once get the same
    /// one, of which the second is refused; so is one more than [`MOST_ADDITIONS`].
    async fn next_addition(
        &self,
        ledger: LedgerName,
        wallet: WalletId,
        fingerprint: &Fingerprint,
    ) -> Result<BeneficiaryId, Problem> {
        let identities = self.0.identities();
        for removals in 0..MOST_ADDITIONS {
            let addition = beneficiary_id_after(wallet, fingerprint, removals);
            if !identities.is_removed(ledger, addition).await? {
                return Ok(addition);
            }
        }
        Ok(beneficiary_id_after(wallet, fingerprint, MOST_ADDITIONS))
    }

    /// Through a wallet, nobody reaches another one's beneficiary.
    async fn check_wallet(&self, parameters: &BeneficiaryCommandParameters) -> Result<(), Problem> {
        let (ledger, beneficiary) = (parameters.ledger, parameters.beneficiary);
        let id = beneficiary.as_uuid();
        let found: Option<BeneficiaryRow> = self.0.just_written(ledger, id).await?;
        if found.is_none_or(|row| row.wallet != parameters.wallet) {
            let rejection = BeneficiaryRejection::NotFound { beneficiary };
            return Err(Rejection::from(rejection).into());
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
        self.check_wallet(&parameters).await?;
        let (ledger, beneficiary) = (parameters.ledger, parameters.beneficiary);
        let command = Command::Beneficiary {
            beneficiary,
            action: Box::new(action),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(ledger, key, request, command);
        let changed = |carried: &Carried| BeneficiaryChanged {
            id: beneficiary.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.0.carry_out(context, intent, changed).await
    }
}
