//! What the operations work with.

use std::collections::BTreeSet;
use std::sync::Arc;

use audit::sealer::Sealer;
use documents::Documents;
use event_store::executor::SubmitError;
use event_store::{LedgerHead, LogReader, Vault};
use identity::authenticate::Authenticator;
use identity::identities::Identities;
use identity::tokens::Tokens;
use ledger_core::onboarding::ContactKind;
use ledger_core::wallet::WalletRejection;
use ledger_core::{Asset, AssetCode, LedgerName, Position, Rejection};
use projections::Queries;
use projections::queries::AsOf;
use url::Url;
use workflows::forks::Forks;
use workflows::identity_checks::CheckDesk;
use workflows::jobs::JobsDesk;
use workflows::routing::Router;
use workflows::webhooks::Webhooks;

use crate::api::ApiDependencies;
use crate::checkouts::Checkouts;
use crate::commands::Commands;
use crate::explanation::Explainer;
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
    /// What providers tell us.
    pub webhooks: Webhooks,
    /// Why balances are as they are.
    pub explainer: Explainer,
    /// Whether the content of webhooks takes a second person.
    pub webhook_content_needs_two: bool,
    /// Checks at identity providers.
    pub checks: CheckDesk,
    /// Work outside the ledger.
    pub jobs: JobsDesk,
    /// The keys of persons, where there are any.
    pub vault: Option<Vault>,
    /// Who seals the logs.
    pub sealer: Sealer,
    /// Forks of ledgers.
    pub forks: Forks,
    /// What an owner has to verify in an onboarding, where staff do not choose it.
    pub onboarding_contacts: BTreeSet<ContactKind>,
    /// Documents of cases.
    pub documents: Documents,
    /// Where browsers reach the deployment; it ends with `/`.
    pub public_url: Url,
}

impl Services {
    /// What the binary gives.
    #[must_use]
    pub fn of(dependencies: &ApiDependencies) -> Self {
        let pool = &dependencies.pool;
        let public_url = dependencies.public_url.clone();
        Self {
            commands: Commands::new(Arc::clone(&dependencies.commands)),
            log: LogReader::new(pool.clone()),
            queries: dependencies.queries.clone(),
            authenticator: dependencies.authenticator.clone(),
            jobs: JobsDesk::new(pool.clone()),
            checkouts: Checkouts::new(pool.clone(), public_url.clone()),
            router: dependencies.router.clone(),
            webhooks: dependencies.webhooks.clone(),
            explainer: Explainer::new(
                dependencies.queries.clone(),
                dependencies.webhooks.archive(),
            ),
            webhook_content_needs_two: dependencies.access.needs_two("get_webhook_content"),
            checks: dependencies.webhooks.check_desk(),
            vault: dependencies.vault.clone(),
            sealer: dependencies.sealer.clone(),
            forks: Forks::new(pool.clone()),
            onboarding_contacts: dependencies.onboarding_contacts.clone(),
            documents: dependencies.documents.clone(),
            public_url,
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
