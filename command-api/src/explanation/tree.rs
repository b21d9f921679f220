//! An explanation as a tree for people at a terminal.

use std::fmt::{self, Display, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::representation::explanation::{
    ExplainedCommandView, ExplainedEntryView, ExplainedOriginView, ExplainedWebhookView,
    ExplanationView, WebhookContentName,
};

/// A line of the tree and what is under it.
struct Branch {
    line: String,
    under: Vec<Self>,
}

impl Branch {
    /// A line. What would move a terminal's cursor or end the line is escaped: texts are their callers'.
    fn new(line: impl Display) -> Self {
        let mut clean = String::new();
        for character in line.to_string().chars() {
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                clean.extend(character.escape_default());
            } else {
                clean.push(character);
            }
        }
        Self {
            line: clean,
            under: Vec::new(),
        }
    }

    fn with(mut self, under: impl IntoIterator<Item = Self>) -> Self {
        self.under.extend(under);
        self
    }

    fn draw(&self, into: &mut fmt::Formatter<'_>, margin: &str) -> fmt::Result {
        writeln!(into, "{}", self.line)?;
        for (number, branch) in self.under.iter().enumerate() {
            let is_last = number + 1 == self.under.len();
            let (knee, below) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            write!(into, "{margin}{knee}")?;
            branch.draw(into, &format!("{margin}{below}"))?;
        }
        Ok(())
    }
}

impl Display for ExplanationView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} has {}", self.account.0, self.balance.0);
        let entries = self.items.iter().map(|entry| self.entry(entry));
        let mut tree = Branch::new(line).with(entries);
        if self.next_cursor.is_some() {
            tree.under.push(Branch::new("earlier entries"));
        }
        tree.draw(formatter, "")
    }
}

impl ExplanationView {
    fn entry(&self, explained: &ExplainedEntryView) -> Branch {
        let entry = &explained.entry;
        let mut line = format!(
            "entry {}: {} {}, then {}; effective {}",
            entry.entry_number,
            entry.direction.as_str(),
            entry.amount.0,
            entry.balance_after.0,
            entry.effective_at.0,
        );
        if entry.effective_at.0 != entry.recorded_at.0 {
            write!(line, ", recorded {}", entry.recorded_at.0).unwrap_or_default();
        }
        let mut posted = format!(
            "transaction {} at position {}, with {}",
            entry.transaction.0, entry.position.0, entry.counterparty.0
        );
        if let Some(reference) = &explained.reference {
            write!(posted, ", {reference:?}").unwrap_or_default();
        }
        let origin = explained.origin.as_ref().map(|origin| self.origin(origin));
        let posted = Branch::new(posted)
            .with([self.command(&explained.command)])
            .with(origin);
        Branch::new(line).with([posted])
    }

    fn origin(&self, origin: &ExplainedOriginView) -> Branch {
        let earlier = origin.has_earlier.then(|| Branch::new("earlier events"));
        let steps = origin.steps.iter().map(|step| {
            let line = format!(
                "{} at position {}, recorded {}",
                step.event_type, step.position.0, step.recorded_at.0
            );
            Branch::new(line).with([self.command(&step.command)])
        });
        Branch::new(format!("because of {} {}", origin.kind, origin.id))
            .with(earlier)
            .with(steps)
    }

    fn command(&self, command: &ExplainedCommandView) -> Branch {
        let actor = command.actor.as_deref().unwrap_or("nobody in particular");
        let mut line = format!("command {} by {actor}", command.command_id.0);
        if let Some(key) = &command.idempotency_key {
            write!(line, ", key {} of {}", key.key, key.scope).unwrap_or_default();
        }
        if let Some(request) = &command.correlation_id {
            write!(line, ", request {request}").unwrap_or_default();
        }
        let webhook = command.webhook.as_ref().and_then(|id| {
            let mut known = self.webhooks.iter();
            known.find(|known| known.delivery.id.0.0 == id.0.0)
        });
        match (webhook, &command.causation_id) {
            (Some(webhook), _) => Branch::new(line).with([branch_of(webhook)]),
            (None, Some(cause)) => {
                Branch::new(line).with([Branch::new(format!("because of {cause}"))])
            }
            (None, None) => Branch::new(line),
        }
    }
}

fn branch_of(webhook: &ExplainedWebhookView) -> Branch {
    let delivery = &webhook.delivery;
    let line = format!(
        "webhook {} of {}/{}: event {} ({}), received {}, SHA-256 {}",
        delivery.id.0,
        delivery.provider,
        delivery.endpoint,
        delivery.event_id,
        delivery.event_type,
        delivery.received_at.0,
        delivery.body_digest,
    );
    let body = webhook
        .body_base64
        .as_ref()
        .and_then(|body| STANDARD.decode(body).ok());
    let content = match (webhook.content, body) {
        (WebhookContentName::Shown, Some(body)) => {
            let text = String::from_utf8_lossy(&body);
            format!("{} bytes: {text}", body.len())
        }
        (WebhookContentName::Shown | WebhookContentName::LeftOut, _) => {
            "its content is not in this answer".to_owned()
        }
        (WebhookContentName::NotPermitted, _) => "its content may not be shown".to_owned(),
        (WebhookContentName::Forgotten, _) => "its content was forgotten".to_owned(),
        (WebhookContentName::Sealed, _) => "its content is sealed under another key".to_owned(),
    };
    Branch::new(line).with([Branch::new(content)])
}
