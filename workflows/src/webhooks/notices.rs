//! Stored webhooks of identity providers.

use connectors::identity_providers::{Provider, WebhookDelivery, WebhookFacts};
use ledger_core::{LedgerName, ProviderName};

use super::content::ContentError;
use super::processor::NotOpened;
use super::sealing::Sealing;
use super::stored::StoredWebhook;
use crate::identity_accounts::IdentityAccounts;

/// A webhook of an identity provider with its facts.
pub(crate) struct IdentityNotice {
    pub(crate) ledger: LedgerName,
    pub(crate) provider: ProviderName,
    pub(crate) facts: WebhookFacts,
}

/// Whether an identity provider sent it.
pub(super) fn is_of_identity(webhook: &StoredWebhook) -> bool {
    Provider::ALL
        .into_iter()
        .any(|provider| provider.as_str() == webhook.provider)
}

/// Verifies a stored webhook again, as of the time at which it came, and reads it.
pub(crate) fn open_notice(
    accounts: &IdentityAccounts,
    sealing: &dyn Sealing,
    webhook: &StoredWebhook,
) -> Result<IdentityNotice, NotOpened> {
    let (provider, ledger) = webhook.names().ok_or(NotOpened::Anywhere("not_ours"))?;
    let (_, account) = accounts
        .at(&webhook.provider, &webhook.endpoint)
        .filter(|(_, account)| account.ledger == ledger)
        .ok_or(NotOpened::Here("endpoint_not_configured"))?;
    let content = webhook.content(sealing).map_err(|error| match error {
        ContentError::Forgotten => NotOpened::Anywhere("forgotten"),
        ContentError::Sealed(_) => NotOpened::Here("sealed_with_another_key"),
    })?;
    let facts = account
        .identity_provider
        .verify_webhook(&WebhookDelivery {
            body: &content.body,
            headers: &content.headers,
            received_at: webhook.received_at,
        })
        .map_err(|_| NotOpened::Here("signature_not_verified"))?;
    Ok(IdentityNotice {
        ledger,
        provider,
        facts,
    })
}
