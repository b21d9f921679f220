//! From a balance back to who asked for it: entries, transactions, what caused those, the commands they came of,
//! and the webhooks that led to commands.
//!
//! Personal data in it is what the log shows of it, which is sealed or nothing. The content of webhooks may tell
//! of people: it is shown to whoever may read webhooks as such, and only as long as it is kept.

mod tree;

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Event, LedgerName, Position};
use projections::Queries;
use projections::queries::explanations::{CommandKey, ExplainedEntry, Explanation, Origin};
use projections::queries::statements::EntryKey;
use projections::queries::{AsOf, PageRequest};
use uuid::Uuid;
use workflows::webhooks::{ContentError, ContentFault, WebhookArchive, WebhookRecord};

use crate::problem::Problem;
use crate::reading::ListIdentity;
use crate::representation::account::EntryView;
use crate::representation::answer::exact;
use crate::representation::explanation::{
    ExplainedCommandView, ExplainedEntryView, ExplainedKeyView, ExplainedOriginView,
    ExplainedStepView, ExplainedWebhookView, ExplanationView, WebhookContentName,
};
use crate::routes::account_queries::account_not_found;
use crate::routes::webhooks::{content_view, delivery_view};
use crate::text_formats::AnyId;

/// Webhooks whose content one answer holds, the newest ones: 4 MiB at most.
const CONTENTS: usize = 16;

/// What a reader may see of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing.
    Nothing,
    /// That they came, and what became of them.
    Deliveries,
    /// What they said, too.
    Content,
}

/// Explains balances; cheap to clone.
#[derive(Debug, Clone)]
pub struct Explainer {
    queries: Queries,
    webhooks: WebhookArchive,
}

/// What is to be explained.
#[derive(Debug, Clone)]
pub struct Question {
    /// The ledger.
    pub ledger: LedgerName,
    /// The account.
    pub account: AccountId,
    /// As it stood at this position; as it stands now when absent.
    pub position: Option<Position>,
    /// Which of its entries.
    pub page: PageRequest<EntryKey>,
    /// The list that pages are of.
    pub list: ListIdentity,
}

impl Explainer {
    /// Explains from these read models and webhooks.
    #[must_use]
    pub const fn new(queries: Queries, webhooks: WebhookArchive) -> Self {
        Self { queries, webhooks }
    }

    /// Why an account has its balance, and the position at which that is true.
    ///
    /// # Errors
    /// `account_not_found`, and the problem with the database.
    pub async fn explain(
        &self,
        question: Question,
        sight: Sight,
    ) -> Result<(Position, ExplanationView), Problem> {
        let Question {
            ledger,
            account,
            position,
            page,
            list,
        } = question;
        let AsOf {
            position: as_of,
            value,
        } = self
            .queries
            .explanation(ledger, account, position, page)
            .await?;
        let explanation = value.ok_or_else(|| account_not_found(account.holder))?;
        let webhooks = match sight {
            Sight::Nothing => Vec::new(),
            Sight::Deliveries | Sight::Content => self.webhooks_of(ledger, &explanation).await?,
        };
        let known = webhooks.iter().map(|webhook| webhook.id).collect();
        let mut view = Telling {
            keys: &explanation.keys,
            webhooks: known,
        }
        .view(&explanation, &list);
        view.webhooks = self.webhook_views(webhooks, sight).await?;
        Ok((as_of, view))
    }

    /// The webhooks of the ledger that led to what is told, newest first.
    async fn webhooks_of(
        &self,
        ledger: LedgerName,
        explanation: &Explanation,
    ) -> Result<Vec<WebhookRecord>, Problem> {
        let ids: BTreeSet<Uuid> = explanation
            .entries
            .items
            .iter()
            .flat_map(events)
            .filter_map(webhook_of)
            .collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let records = self.webhooks.records(&ids).await;
        let mut records = records.map_err(|error| Problem::from_database(&error))?;
        records.retain(|record| record.ledger == ledger.as_str());
        records.sort_unstable_by_key(|record| std::cmp::Reverse((record.received_at, record.id)));
        Ok(records)
    }

    async fn webhook_views(
        &self,
        records: Vec<WebhookRecord>,
        sight: Sight,
    ) -> Result<Vec<ExplainedWebhookView>, Problem> {
        let mut views = Vec::with_capacity(records.len());
        for (number, record) in records.into_iter().enumerate() {
            let id = record.id;
            let mut view = ExplainedWebhookView {
                delivery: delivery_view(record)?,
                content: WebhookContentName::NotPermitted,
                headers: None,
                body_base64: None,
            };
            if sight == Sight::Content {
                self.show_content(id, number, &mut view).await?;
            }
            views.push(view);
        }
        Ok(views)
    }

    async fn show_content(
        &self,
        id: Uuid,
        number: usize,
        view: &mut ExplainedWebhookView,
    ) -> Result<(), Problem> {
        if number >= CONTENTS {
            view.content = WebhookContentName::LeftOut;
            return Ok(());
        }
        view.content = match self.webhooks.content(id).await {
            Ok(Some(content)) => {
                view.headers = Some(content_view(id, &content).headers);
                view.body_base64 = Some(STANDARD.encode(&content.body));
                WebhookContentName::Shown
            }
            Ok(None) | Err(ContentFault::Content(ContentError::Forgotten)) => {
                WebhookContentName::Forgotten
            }
            Err(ContentFault::Content(ContentError::Sealed(_))) => WebhookContentName::Sealed,
            Err(ContentFault::Database(error)) => return Err(Problem::from_database(&error)),
        };
        Ok(())
    }
}

/// The events that are told of an entry.
fn events(explained: &ExplainedEntry) -> impl Iterator<Item = &RecordedEvent> {
    let steps = explained.origin.iter().flat_map(|origin| &origin.steps);
    steps.chain([&explained.posted])
}

/// The webhook that led to an event, if its cause is called as one is.
fn webhook_of(event: &RecordedEvent) -> Option<Uuid> {
    Uuid::try_parse(event.metadata.causation_id.as_deref()?).ok()
}

/// What commands are told with.
struct Telling<'a> {
    keys: &'a HashMap<Uuid, CommandKey>,
    webhooks: BTreeSet<Uuid>,
}

impl Telling<'_> {
    fn view(&self, explanation: &Explanation, list: &ListIdentity) -> ExplanationView {
        let asset = explanation.asset;
        let entry = |explained: &ExplainedEntry| ExplainedEntryView {
            entry: EntryView::of(explained.entry.clone(), asset),
            reference: reference(&explained.posted),
            command: self.command(&explained.posted),
            origin: explained.origin.as_ref().map(|origin| self.origin(origin)),
        };
        let entries = &explanation.entries;
        ExplanationView {
            account: explanation.account.into(),
            normal_side: explanation.normal_side.into(),
            balance: exact(explanation.balance, asset),
            debits: exact(explanation.debits, asset),
            credits: exact(explanation.credits, asset),
            items: entries.items.iter().map(entry).collect(),
            webhooks: Vec::new(),
            next_cursor: entries.next.map(|key| list.cursor_after(&key)),
        }
    }

    fn origin(&self, origin: &Origin) -> ExplainedOriginView {
        let step = |event: &RecordedEvent| ExplainedStepView {
            position: event.position.into(),
            recorded_at: event.recorded_at.into(),
            event_type: event.event.name().to_owned(),
            command: self.command(event),
        };
        ExplainedOriginView {
            kind: origin.stream.aggregate_type().as_str().to_owned(),
            id: origin.stream.aggregate_id(),
            steps: origin.steps.iter().map(step).collect(),
            has_earlier: origin.has_earlier,
        }
    }

    fn command(&self, event: &RecordedEvent) -> ExplainedCommandView {
        let metadata = &event.metadata;
        let actor = metadata.actor.as_deref();
        let key = self.keys.get(&metadata.command_id);
        ExplainedCommandView {
            command_id: AnyId(metadata.command_id).into(),
            actor: actor.map(ToOwned::to_owned),
            process: actor
                .and_then(|actor| actor.strip_prefix("system:"))
                .map(ToOwned::to_owned),
            correlation_id: metadata.correlation_id.clone(),
            causation_id: metadata.causation_id.clone(),
            idempotency_key: key.map(|key| ExplainedKeyView {
                scope: key.scope.clone(),
                key: key.key.clone(),
            }),
            webhook: webhook_of(event)
                .filter(|id| self.webhooks.contains(id))
                .map(|id| AnyId(id).into()),
        }
    }
}

/// The name that the caller gave a transaction.
fn reference(posted: &RecordedEvent) -> Option<String> {
    match &posted.event {
        Event::Transaction(TransactionEvent::TransactionPosted { reference, .. }) => {
            reference.as_ref().map(ToString::to_string)
        }
        _ => None,
    }
}
