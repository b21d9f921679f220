//! Who may call this node.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use command_api::access::four_eyes::FourEyes;
use command_api::access::guard::{Asked, guarded};
use command_api::access::ownership::Ownership;
use command_api::access::{Access, Gate};
use command_api::limits::{Group, Visit};
use command_api::operations::observed;
use connectors::messaging::Mailbox;
use event_store::Database;
use identity::authenticate::Authenticator;
use identity::delivery::CodeDelivery;
use identity::external::ExternalIssuers;
use identity::identities::{Identities, IdentitySettings, SystemClock};
use identity::second_factor::SecondFactorKind;
use identity::secret::MasterKey;
use identity::session_policy::SessionPolicies;
use identity::tokens::Tokens;
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::{Endpoint, EndpointExt, Request, Response, Route, get};
use projections::Queries;
use realtime_bridge::bridge::ClientAddress;
use tokio_util::sync::CancellationToken;

use super::personal::PersonKeys;

/// How long an access token is good for.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Whether callers have to say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// They need not, and may do everything.
    Open,
    /// They must.
    Required,
}

/// Who may call a node, and how people are reached.
#[derive(Debug, Clone)]
pub struct AccessOptions {
    /// Whether callers have to say who they are.
    pub mode: AccessMode,
    /// What seals secrets; the same on all nodes of a deployment.
    pub master_key: Arc<MasterKey>,
    /// Whether the keys of persons are kept, and under what.
    pub person_keys: PersonKeys,
    /// The deployment's URL, which signs tokens; the node's own address when there is none.
    pub issuer: Option<String>,
    /// How codes get to people.
    pub delivery: Arc<dyn CodeDelivery>,
    /// Other issuers whose tokens are accepted.
    pub issuers: Option<Arc<ExternalIssuers>>,
    /// How long people's sessions last.
    pub sessions: SessionPolicies,
    /// Second factors besides the authenticator.
    pub second_factors: Vec<Arc<dyn SecondFactorKind>>,
    /// Operations that need a second person.
    pub four_eyes: FourEyes,
    /// Where codes are shown instead, on a private deployment.
    pub mailbox: Option<Arc<Mailbox>>,
}

/// Whom credentials stand for, on this node.
pub(super) fn authenticator(
    options: &AccessOptions,
    database: &Database,
    address: SocketAddr,
    shutdown: CancellationToken,
) -> Authenticator {
    let issuer = options
        .issuer
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let settings = IdentitySettings {
        audience: issuer.clone(),
        issuer,
        access_token_lifetime: ACCESS_TOKEN_LIFETIME,
        sessions: options.sessions.clone(),
        second_factors: options.second_factors.clone(),
    };
    let identities = Identities::new(
        database.pool().clone(),
        Arc::clone(&options.master_key),
        Arc::clone(&options.delivery),
        Arc::new(SystemClock),
        settings,
    );
    let tokens = Tokens::new(identities.clone());
    Authenticator::start(identities, tokens, options.issuers.clone(), shutdown)
}

/// The page that shows codes, for people and as JSON for programs.
pub(super) fn mailbox_routes(routes: Route, mailbox: &Arc<Mailbox>) -> Route {
    let (shown, listed) = (Arc::clone(mailbox), Arc::clone(mailbox));
    routes
        .at(
            "/dev/mailbox",
            get(make_sync(move |_| {
                Response::builder()
                    .content_type("text/html; charset=utf-8")
                    .header("cache-control", "no-store")
                    .body(shown.page())
            })),
        )
        .at(
            "/dev/mailbox.json",
            get(make_sync(move |_| {
                let messages = serde_json::to_string(&listed.messages());
                Response::builder()
                    .content_type("application/json")
                    .header("cache-control", "no-store")
                    .body(messages.unwrap_or_default())
            })),
        )
}

/// A live stream's endpoint: its address is counted here, whom it is for is asked by the bridge.
pub(super) fn stream_route<E>(path: &str, endpoint: E) -> BoxEndpoint<'static>
where
    E: Endpoint<Output = Response> + 'static,
{
    let addressed = endpoint.before(|mut request: Request| async move {
        if let Some(address) = request.data::<Visit>().and_then(Visit::address) {
            request.set_data(ClientAddress(address));
        }
        Ok(request)
    });
    let guarded = guarded(
        &Access::Open,
        Asked::nobody(Group::Streams),
        addressed.boxed(),
    );
    observed(path, guarded)
}

/// What is asked of callers.
pub(super) fn access(
    options: &AccessOptions,
    authenticator: &Authenticator,
    queries: &Queries,
) -> Access {
    match options.mode {
        AccessMode::Open => Access::Open,
        AccessMode::Required => Access::Required(Arc::new(Gate::new(
            authenticator.clone(),
            Ownership::new(queries.clone()),
            options.four_eyes.clone(),
        ))),
    }
}
