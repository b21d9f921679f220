//! `daybook audit`: what an auditor does with an export, and the proofs to take along.

use std::io::Write;
use std::process::ExitCode;

use audit::verify::{Report, Trusted, verify};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_core::Position;

use super::{CommandError, access, with_database};
use crate::cli::{Audit, AuditVerify};
use crate::servers::Folders;
use crate::settings::Settings;

/// What to exit with when something is wrong, so that a script can tell it from trouble.
const FINDINGS: u8 = 2;

/// Verifies, seals or proves.
pub(super) async fn run(
    arguments: Audit,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    match arguments {
        Audit::Verify(arguments) => {
            tokio::task::spawn_blocking(move || verified(&arguments)).await?
        }
        Audit::Seal { ledger } => {
            let (master_key, keys) = access::person_keys(settings, &folders.data)?;
            let options = settings.audit.options()?;
            with_database(settings, folders, async |database| {
                let sealer = options.sealer(database.pool(), keys.master_keys(&master_key));
                let sealed = sealer.seal(ledger).await?;
                say(&sealed.checkpoint.text)
            })
            .await
        }
        Audit::Proof { ledger, position } => {
            let options = settings.audit.options()?;
            let position = Position::try_new(position).unwrap_or_default();
            with_database(settings, folders, async |database| {
                let sealer = options.sealer(database.pool(), None);
                let (proof, _) = sealer.prove_event(ledger, position).await?;
                say(&proof.to_text())
            })
            .await
        }
        Audit::Consistency { ledger, from, to } => {
            let options = settings.audit.options()?;
            with_database(settings, folders, async |database| {
                let sealer = options.sealer(database.pool(), None);
                let proof = sealer.prove_consistency(ledger, from, to).await?;
                let lines = proof.path.iter().map(|hash| STANDARD.encode(hash) + "\n");
                say(&lines.collect::<String>())
            })
            .await
        }
    }
}

fn verified(arguments: &AuditVerify) -> Result<ExitCode, CommandError> {
    let keys = arguments.key.iter().map(|key| key.parse());
    let witnesses = arguments.witness.iter().map(|key| key.parse());
    let trusted = Trusted {
        keys: keys.collect::<Result<_, _>>()?,
        records: arguments.record.clone(),
        checkpoints: arguments.checkpoint.clone(),
        witnesses: witnesses.collect::<Result<_, _>>()?,
        witnesses_needed: arguments.witnesses_needed,
    };
    let report = verify(&arguments.folder, &trusted)?;
    let text = if arguments.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        in_words(&report)
    };
    say(&text)?;
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FINDINGS)
    })
}

fn say(text: &str) -> Result<ExitCode, CommandError> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let place = match (&finding.position, &finding.account) {
            (Some(position), _) => format!("position {position}: "),
            (None, Some(account)) => format!("{}: ", printable(account)),
            (None, None) => String::new(),
        };
        let code = serde_json::to_string(&finding.code).unwrap_or_default();
        let code = code.trim_matches('"');
        text += &format!("WRONG {code}: {place}{}\n", printable(&finding.detail));
    }
    if report.findings_left_out > 0 {
        text += &format!("and {} more\n", report.findings_left_out);
    }
    let unknown = || "unknown".to_owned();
    let origin = printable(&report.origin.clone().unwrap_or_else(unknown));
    text += &format!(
        "{origin}: {} events, {} transactions, {} accounts, consistent with {} earlier checkpoints\n",
        report.events, report.transactions, report.accounts, report.consistent_checkpoints
    );
    if let Some(witnesses) = &report.cosigned_by {
        text += &format!("cosigned by {} of the witnesses\n", witnesses.len());
    }
    if report.ok {
        let key = report.signed_by.clone().unwrap_or_else(unknown);
        text += &format!(
            "everything is right: nothing is missing or changed since it was sealed, the checkpoint is signed by {key}, \
             every movement that was asked for obeys the rules, and the balances are as stated\n"
        );
    }
    text
}

/// A text of an export that nobody has to trust, without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter {
        letter if letter.is_control() => letter.escape_default().to_string(),
        letter => letter.to_string(),
    });
    shown.collect()
}
