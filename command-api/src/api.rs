//! The server's routes, put together.

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock};

use audit::sealer::Sealer;
use documents::Documents;
use event_store::Vault;
use identity::authenticate::Authenticator;
use ledger_core::onboarding::ContactKind;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::endpoint::{BoxEndpoint, EndpointExt, make_sync};
use poem::http::{Method, header};
use poem::{Response, Route, RouteMethod};
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, Registry};
use projections::Queries;
use sqlx::postgres::PgPool;
use url::Url;
use workflows::routing::Router;
use workflows::webhooks::Webhooks;

use crate::access::guard::{Asked, guarded};
use crate::access::{Access, requirement_of};
use crate::commands::CommandPort;
use crate::documentation::{Documentation, INDEX, service};
use crate::edge::{Edge, EdgeSettings, edge};
use crate::health::{Live, ReadinessSource, Ready};
use crate::limits::Group;
use crate::operations::{Compressible, Operations, observed};
use crate::routes::account_queries::AccountQueries;
use crate::routes::aggregates::AggregateQueries;
use crate::routes::assets::AssetCommands;
use crate::routes::audit::{AuditCommands, AuditQueries, log_routes};
use crate::routes::books::BooksQueries;
use crate::routes::events::EventQueries;
use crate::routes::explanations::ExplanationQueries;
use crate::routes::forks::ForkOperations;
use crate::routes::hold_queries::HoldQueries;
use crate::routes::holds::HoldCommands;
use crate::routes::identity::approvals::ApprovalOperations;
use crate::routes::identity::external_sign_in::ExternalSignInOperations;
use crate::routes::identity::factors::FactorOperations;
use crate::routes::identity::machines::MachineOperations;
use crate::routes::identity::oauth::OAuthOperations;
use crate::routes::identity::people::PeopleOperations;
use crate::routes::identity::records::RecordQueries;
use crate::routes::identity::roles::RoleOperations;
use crate::routes::identity::sessions::SessionOperations;
use crate::routes::identity::stream_tickets::StreamTicketOperations;
use crate::routes::jobs::JobOperations;
use crate::routes::ledger_queries::LedgerQueries;
use crate::routes::ledgers::LedgerCommands;
use crate::routes::onboardings::{OnboardingCommands, OnboardingQueries};
use crate::routes::owners::OwnerOperations;
use crate::routes::payments::beneficiaries::BeneficiaryOperations;
use crate::routes::payments::checkout_pages::CheckoutPages;
use crate::routes::payments::deposit_queries::DepositQueries;
use crate::routes::payments::deposits::DepositCommands;
use crate::routes::payments::disputes::DisputeQueries;
use crate::routes::payments::payout_queries::PayoutQueries;
use crate::routes::payments::payouts::PayoutCommands;
use crate::routes::payments::policies::PolicyOperations;
use crate::routes::payments::providers::ProviderQueries;
use crate::routes::payments::refunds::RefundQueries;
use crate::routes::payments::settlements::SettlementOperations;
use crate::routes::profiles::ProfileOperations;
use crate::routes::system_accounts::SystemAccountCommands;
use crate::routes::tiers::TierOperations;
use crate::routes::transaction_queries::TransactionQueries;
use crate::routes::transactions::TransactionCommands;
use crate::routes::verification::decisions::CaseDecisions;
use crate::routes::verification::documents::CaseDocuments;
use crate::routes::verification::downloads::CaseDocumentContent;
use crate::routes::verification::funnel::CaseFigures;
use crate::routes::verification::operations::CaseCommands;
use crate::routes::verification::queries::CaseQueries;
use crate::routes::wallet_queries::WalletQueries;
use crate::routes::wallets::WalletCommands;
use crate::routes::webhooks::WebhookOperations;
use crate::services::Services;

/// What the binary gives to the interface.
pub struct ApiDependencies {
    /// Where commands go: the executors.
    pub commands: Arc<dyn CommandPort>,
    /// Where queries go: the read models.
    pub queries: Queries,
    /// The database, for the log and readiness.
    pub pool: PgPool,
    /// How the projectors and the relay are.
    pub readiness: Arc<dyn ReadinessSource>,
    /// The people and machines, and whom a credential stands for.
    pub authenticator: Authenticator,
    /// Who may call which operation.
    pub access: Access,
    /// Which provider a deposit is sent to.
    pub router: Router,
    /// What payment providers tell us.
    pub webhooks: Webhooks,
    /// Documents of cases.
    pub documents: Documents,
    /// Where payers' browsers reach the deployment; it ends with `/`.
    pub public_url: Url,
    /// The keys of persons, where a master key is kept that wraps them.
    pub vault: Option<Vault>,
    /// Who seals the logs.
    pub sealer: Sealer,
    /// What an owner has to verify in an onboarding, where staff do not choose it.
    pub onboarding_contacts: BTreeSet<ContactKind>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
}

/// The id of what shows metrics, which is no operation of the document.
const METRICS: &str = "get_metrics";

/// The REST interface.
pub struct Api;

impl Api {
    /// The whole server: REST, documentation, health and metrics; without limits.
    ///
    /// To serve more on the same address, extend [`Api::routes`] and put [`edge`] around it.
    #[expect(
        clippy::new_ret_no_self,
        reason = "the interface is its routes; there is no state"
    )]
    #[must_use]
    pub fn new(dependencies: ApiDependencies) -> Edge<Route> {
        edge(Self::routes(dependencies), EdgeSettings::default())
    }

    /// The routes without the outermost layer, for the binary to add its own.
    #[must_use]
    pub fn routes(dependencies: ApiDependencies) -> Route {
        let services = Services::of(&dependencies);
        let access = dependencies.access.clone();
        let documentation = &*DOCUMENTATION;
        let page = |template: &str, content_type: &'static str, text: &'static str| {
            get(template, static_page(content_type, text))
        };
        let operational = Self::operational_routes(dependencies);
        let operational = log_routes(operational, &services, &access);
        operation_routes(&services, access, operational)
            .at("/", page("/", "text/html; charset=utf-8", INDEX))
            .at(
                "/docs",
                page("/docs", "text/html; charset=utf-8", &documentation.page),
            )
            .at(
                "/openapi.yaml",
                page("/openapi.yaml", "application/yaml", &documentation.yaml),
            )
            .at(
                "/openapi.json",
                page("/openapi.json", "application/json", &documentation.json),
            )
    }

    /// Health and metrics alone, for a process that serves no operations.
    #[must_use]
    pub fn operational_routes(dependencies: ApiDependencies) -> Route {
        let metrics = dependencies.metrics;
        let metrics = guarded(
            &dependencies.access,
            Asked {
                operation: METRICS,
                requirement: requirement_of(METRICS),
                group: Group::Queries,
            },
            make_sync(move |_| {
                Response::builder()
                    .header(header::CONTENT_TYPE, "text/plain; version=0.0.4")
                    .body(metrics.render())
            })
            .boxed(),
        );
        Route::new()
            .at("/health/live", get("/health/live", Live))
            .at(
                "/health/ready",
                get(
                    "/health/ready",
                    Ready::new(dependencies.pool, dependencies.readiness),
                ),
            )
            .at("/metrics", get("/metrics", metrics))
    }
}

/// Every operation, in one place for the routes and the document.
type AllOperations = Operations<(
    LedgerOperations,
    PaymentOperations,
    LimitOperations,
    ProfileOperations,
    IdentityOperations,
    AuditOperations,
)>;

/// The operations on ledgers and what is in them.
type LedgerOperations = (
    LedgerCommands,
    AssetCommands,
    SystemAccountCommands,
    WalletCommands,
    TransactionCommands,
    HoldCommands,
    EventQueries,
    AggregateQueries,
    LedgerQueries,
    WalletQueries,
    AccountQueries,
    TransactionQueries,
    HoldQueries,
    WebhookOperations,
    JobOperations,
);

/// The operations for those who check the books.
type AuditOperations = (
    BooksQueries,
    ExplanationQueries,
    AuditCommands,
    AuditQueries,
    ForkOperations,
);

/// The operations on money that comes in and goes out.
type PaymentOperations = (
    DepositCommands,
    DepositQueries,
    CheckoutPages,
    RefundQueries,
    DisputeQueries,
    PayoutCommands,
    PayoutQueries,
    BeneficiaryOperations,
    SettlementOperations,
    PolicyOperations,
    ProviderQueries,
);

/// The operations on who owners are, and what they may do.
type LimitOperations = (
    TierOperations,
    OwnerOperations,
    CaseCommands,
    CaseDecisions,
    CaseQueries,
    CaseFigures,
    OnboardingCommands,
    OnboardingQueries,
    CaseDocuments,
    CaseDocumentContent,
);

/// The operations on people, machines and roles.
type IdentityOperations = (
    PeopleOperations,
    SessionOperations,
    ExternalSignInOperations,
    StreamTicketOperations,
    FactorOperations,
    RoleOperations,
    MachineOperations,
    ApprovalOperations,
    RecordQueries,
    OAuthOperations,
);

fn operations(services: &Services, access: Access) -> AllOperations {
    let ledgers = (
        LedgerCommands(services.clone()),
        AssetCommands(services.clone()),
        SystemAccountCommands(services.clone()),
        WalletCommands(services.clone()),
        TransactionCommands(services.clone()),
        HoldCommands(services.clone()),
        EventQueries(services.clone()),
        AggregateQueries(services.clone()),
        LedgerQueries(services.clone()),
        WalletQueries(services.clone()),
        AccountQueries(services.clone()),
        TransactionQueries(services.clone()),
        HoldQueries(services.clone()),
        WebhookOperations(services.clone()),
        JobOperations(services.clone()),
    );
    let payments = (
        DepositCommands(services.clone()),
        DepositQueries(services.clone()),
        CheckoutPages(services.clone()),
        RefundQueries(services.clone()),
        DisputeQueries(services.clone()),
        PayoutCommands(services.clone()),
        PayoutQueries(services.clone()),
        BeneficiaryOperations(services.clone()),
        SettlementOperations(services.clone()),
        PolicyOperations(services.clone()),
        ProviderQueries(services.clone()),
    );
    let identities = (
        PeopleOperations(services.clone()),
        SessionOperations(services.clone()),
        ExternalSignInOperations(services.clone()),
        StreamTicketOperations(services.clone()),
        FactorOperations(services.clone()),
        RoleOperations(services.clone()),
        MachineOperations(services.clone()),
        ApprovalOperations(services.clone()),
        RecordQueries(services.clone()),
        OAuthOperations(services.clone()),
    );
    let limits = (
        TierOperations(services.clone()),
        OwnerOperations(services.clone()),
        CaseCommands(services.clone()),
        CaseDecisions(services.clone()),
        CaseQueries(services.clone()),
        CaseFigures(services.clone()),
        OnboardingCommands(services.clone()),
        OnboardingQueries(services.clone()),
        CaseDocuments(services.clone()),
        CaseDocumentContent(services.clone()),
    );
    let profiles = ProfileOperations(services.clone());
    let audit = (
        BooksQueries(services.clone()),
        ExplanationQueries(services.clone()),
        AuditCommands(services.clone()),
        AuditQueries(services.clone()),
        ForkOperations(services.clone()),
    );
    let parts = (ledgers, payments, limits, profiles, identities, audit);
    Operations { parts, access }
}

/// The operations' own routes, not nested: a nested route would rewrite every request's path.
fn operation_routes(services: &Services, access: Access, others: Route) -> Route {
    let mut table = HashMap::new();
    operations(services, access).add_routes(&mut table);
    table.into_iter().fold(others, |route, (path, methods)| {
        let methods = methods
            .into_iter()
            .fold(RouteMethod::new(), |all, (method, endpoint)| {
                all.method(method, endpoint)
            });
        route.at(path, methods)
    })
}

fn get<E>(template: &str, endpoint: E) -> RouteMethod
where
    E: poem::Endpoint + 'static,
    E::Output: poem::IntoResponse,
{
    RouteMethod::new().get(observed(template, endpoint))
}

fn static_page(content_type: &'static str, text: &'static str) -> BoxEndpoint<'static, Response> {
    let text = bytes::Bytes::from_static(text.as_bytes());
    let page = make_sync(move |_| {
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(text.clone());
        response.set_data(Compressible);
        response
    });
    guarded(&Access::Open, Asked::nobody(Group::Queries), page.boxed())
}

/// The OpenAPI document as it is served at `/openapi.yaml`; the same text every time.
#[must_use]
pub fn openapi_yaml() -> String {
    DOCUMENTATION.yaml.clone()
}

/// Written once: it depends on nothing but the code.
static DOCUMENTATION: LazyLock<Documentation> =
    LazyLock::new(|| Documentation::of(&service(DescriptionOf::<AllOperations>(PhantomData))));

/// Operations without anything behind them, to be described and not called.
struct DescriptionOf<T>(PhantomData<fn() -> T>);

impl<T: OpenApi> OpenApi for DescriptionOf<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}
