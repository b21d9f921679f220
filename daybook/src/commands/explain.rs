//! `daybook explain`: why an account has the balance it has.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use command_api::explanation::{Explainer, Question, Sight};
use command_api::reading::ListIdentity;
use event_store::LogReader;
use ledger_core::Position;
use projections::queries::PageRequest;
use projections::{ProjectionStatus, Queries};
use workflows::webhooks::{Sealing, WebhookArchive};

use super::{CommandError, access, tell, with_database};
use crate::cli::Explain;
use crate::node::SealedWebhooks;
use crate::servers::Folders;
use crate::settings::Settings;

/// Writes the explanation to standard output.
pub(super) async fn run(
    arguments: Explain,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let sealing: Option<Arc<dyn Sealing>> = match access::person_keys(settings, &folders.data) {
        Ok((key, _)) => Some(Arc::new(SealedWebhooks(key))),
        Err(error) => {
            tell(&format!("the content of webhooks stays sealed: {error}"));
            None
        }
    };
    with_database(settings, folders, async |database| {
        let pool = database.pool().clone();
        let queries = Queries::over(pool.clone(), ProjectionStatus::default());
        let (ledger, account) = (arguments.ledger, arguments.account);
        let head = LogReader::new(pool.clone()).head(ledger).await?;
        let head = head.ok_or_else(|| format!("the ledger {ledger} does not exist"))?;
        let question = Question {
            ledger,
            account,
            position: arguments.position.and_then(Position::try_new),
            page: PageRequest {
                after: None,
                limit: arguments.limit,
            },
            list: ListIdentity::named("explain"),
        };
        let explainer = Explainer::new(queries, WebhookArchive::new(pool, sealing));
        let explained = explainer.explain(question, Sight::Content).await;
        let (as_of, view) = explained.map_err(|problem| problem.to_string())?;
        if as_of < head.position {
            tell(&format!(
                "the read models are at position {as_of} of {}: start a node, and they follow",
                head.position
            ));
        }
        let mut output = std::io::stdout().lock();
        let written = if arguments.json {
            serde_json::to_writer_pretty(&mut output, &view)
                .map_err(std::io::Error::from)
                .and_then(|()| writeln!(output))
        } else {
            write!(output, "{view}")
        };
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
