//! What the operations work with.

use std::sync::Arc;

use event_store::executor::SubmitError;
use event_store::{LedgerHead, LogReader};
use identity::authenticate::Authenticator;
use identity::identities::Identities;
use identity::tokens::Tokens;
use ledger_core::wallet::WalletRejection;
use ledger_core::{Asset, AssetCode, LedgerName, Position, Rejection};
use projections::Queries;
use projections::queries::AsOf;
use sqlx::postgres::PgPool;
use url::Url;
use workflows::jobs::JobsDesk;
use workflows::routing::Router;
use workflows::webhooks::Webhooks;

use crate::checkouts::Checkouts;
use crate::commands::{CommandPort, Commands};
use crate::problem::{Problem, catalogue};

/// What the operations work with; cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The way of commands.
    pub commands: Commands,
    /// The log itself.
    pub log: LogReader,
    /// The read models.
    pub queries: Queries,
    /// The people and machines.
    pub authenticator: Authenticator,
    /// The pages on which deposits are paid.
    pub checkouts: Checkouts,
    /// Which provider a deposit is sent to.
    pub router: Router,
    /// What payment providers tell us.
    pub webhooks: Webhooks,
    /// Work outside the ledger.
    pub jobs: JobsDesk,
}

impl Services {
    /// Commands go to `port`; queries read from `queries` and the log in `pool`.
    #[must_use]
    pub fn new(
        port: Arc<dyn CommandPort>,
        queries: Queries,
        pool: PgPool,
        authenticator: Authenticator,
        router: Router,
        webhooks: Webhooks,
        public_url: Url,
    ) -> Self {
        Self {
            commands: Commands::new(port),
            log: LogReader::new(pool.clone()),
            queries,
            authenticator,
            jobs: JobsDesk::new(pool.clone()),
            checkouts: Checkouts::new(pool, public_url),
            router,
            webhooks,
        }
    }

    /// The people and machines.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        self.authenticator.identities()
    }

    /// The access tokens.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        self.authenticator.tokens()
    }
}

impl Services {
    /// The end of a ledger's log.
    ///
    /// # Errors
    /// `ledger_not_found`, or the problem with the database.
    pub async fn existing_head(&self, ledger: LedgerName) -> Result<LedgerHead, Problem> {
        match self.log.head(ledger).await? {
            Some(head) => Ok(head),
            None => Err(SubmitError::LedgerNotFound { ledger }.into()),
        }
    }
}

impl Services {
    /// An asset of a ledger.
    ///
    /// # Errors
    /// `asset_not_found`, and those of the query.
    pub async fn existing_asset(
        &self,
        ledger: LedgerName,
        asset: AssetCode,
    ) -> Result<AsOf<Asset>, Problem> {
        let AsOf { position, value } = self.queries.assets(ledger).await?;
        match value.get(&asset) {
            Some(value) => Ok(AsOf { position, value }),
            None => Err(Rejection::from(WalletRejection::AssetNotFound { asset }).into()),
        }
    }

    /// Refuses a position that is not in the log yet: waiting for it might take for ever.
    ///
    /// # Errors
    /// `position_unknown`.
    pub fn check_known(wanted: Position, head: Position) -> Result<(), Problem> {
        if wanted <= head {
            return Ok(());
        }
        let detail = format!("the log ends at position {head}, {wanted} is not known");
        Err(
            Problem::new(catalogue::POSITION_UNKNOWN, detail).with_context(serde_json::json!({
                "min_position": wanted,
                "head": head,
            })),
        )
    }
}
