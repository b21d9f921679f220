//! `daybook what-if`: what would have happened under other rules.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use command_api::representation::forks::rules::ForkRulesRequest;
use command_api::representation::forks::{ForkBalanceView, ForkDifferenceView, ForkView};
use event_store::sandbox::{Sandbox, SandboxState};
use ledger_core::Position;
use sandbox::{Builder, ForkRequest, Rules, fork_in_tx};
use serde_json::{Value, json};

use super::{CommandError, tell, with_database};
use crate::cli::WhatIf;
use crate::servers::Folders;
use crate::settings::Settings;

/// Differences read at a time.
const PAGE: i64 = 1_000;

/// Builds the fork to its end, and writes to standard output what came out otherwise.
pub(super) async fn run(
    arguments: WhatIf,
    settings: &Settings,
    folders: &Folders,
) -> Result<ExitCode, CommandError> {
    let rules = match &arguments.rules {
        Some(file) => read(file)?,
        None => Rules::default(),
    };
    let name = arguments.name;
    if settings.names_account_of(name) {
        return Err(format!("the name {name} is taken: an account at a provider is for it").into());
    }
    let request = ForkRequest {
        name,
        source: arguments.ledger,
        position: Position::try_new(arguments.position),
        until: arguments.until.and_then(Position::try_new),
        rules,
    };
    with_database(settings, folders, async |database| {
        let pool = database.pool();
        let mut tx = pool.begin().await?;
        let forked = fork_in_tx(&mut tx, pool, &request, None).await?;
        tx.commit().await?;
        if !forked.is_new {
            tell(&format!(
                "{name} was asked for before; it goes on where it is"
            ));
        }
        let builder = Builder::new(pool.clone());
        let built = builder.build(name).await?;
        let written = match arguments.json {
            true => write_json(&builder, built.clone()).await,
            false => write_text(&builder, &built).await,
        };
        match written {
            Err(error) if is_gone(&*error) => {}
            written => written?,
        }
        Ok(match built.state {
            SandboxState::Complete => ExitCode::SUCCESS,
            SandboxState::Building | SandboxState::Failed => ExitCode::FAILURE,
        })
    })
    .await
}

/// Whether nobody reads any more.
fn is_gone(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn read(file: &Path) -> Result<Rules, CommandError> {
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let is_json = file
        .extension()
        .is_some_and(|extension| extension == "json");
    let request: ForkRulesRequest = match is_json {
        true => serde_json::from_str(&text).map_err(|error| unreadable(&error))?,
        false => toml::from_str(&text).map_err(|error| unreadable(&error))?,
    };
    let rules = request.rules("").map_err(|errors| {
        let told = errors.iter().map(|error| {
            let (place, detail) = (error.place(), &error.detail);
            format!("{place} {detail}")
        });
        let told: Vec<String> = told.collect();
        unreadable(&told.join("; "))
    })?;
    rules.check()?;
    Ok(rules)
}

async fn differences(
    builder: &Builder,
    fork: &Sandbox,
    after: Position,
) -> Result<Vec<ForkDifferenceView>, CommandError> {
    let sandboxes = builder.sandboxes();
    let rows = sandboxes.differences(fork.ledger, after, PAGE).await?;
    let views = rows.into_iter().map(ForkDifferenceView::of);
    let views: Result<Vec<_>, _> = views.collect();
    Ok(views.map_err(|problem| problem.to_string())?)
}

async fn balances(
    builder: &Builder,
    fork: &Sandbox,
    after: &str,
) -> Result<Vec<ForkBalanceView>, CommandError> {
    let sandboxes = builder.sandboxes();
    let rows = sandboxes.balances(fork.ledger, after, PAGE).await?;
    let views: Result<Vec<_>, _> = rows.iter().map(ForkBalanceView::of).collect();
    Ok(views.map_err(|problem| problem.to_string())?)
}

/// One line for the fork, then one for each difference and each account.
async fn write_json(builder: &Builder, fork: Sandbox) -> Result<(), CommandError> {
    let mut output = std::io::stdout().lock();
    let mut line = |value: Value| writeln!(output, "{value}");
    let view = ForkView::of(fork.clone()).map_err(|problem| problem.to_string())?;
    line(json!({ "fork": view }))?;
    let mut after = Position::START;
    loop {
        let page = differences(builder, &fork, after).await?;
        let Some(last) = page.last() else { break };
        after = last.source_position.0;
        for difference in page {
            line(json!({ "difference": difference }))?;
        }
    }
    let mut after = String::new();
    loop {
        let page = balances(builder, &fork, &after).await?;
        let Some(last) = page.last() else { break };
        after = last.account.0.to_string();
        for balance in page {
            line(json!({ "balance": balance }))?;
        }
    }
    Ok(())
}

async fn write_text(builder: &Builder, fork: &Sandbox) -> Result<(), CommandError> {
    let mut output = std::io::stdout().lock();
    let (source, position, until) = (fork.source, fork.position, fork.until);
    writeln!(
        output,
        "{}: {source} copied up to {position}, decided again to {until}",
        fork.ledger
    )?;
    if let Some(failure) = &fork.failure {
        writeln!(output, "FAILED {}: {}", failure.code, failure.detail)?;
        return Ok(());
    }
    writeln!(
        output,
        "{} refused, {} changed, {} fell away, {} left out",
        fork.refused, fork.changed, fork.fell_away, fork.left_out
    )?;
    let mut after = Position::START;
    loop {
        let page = differences(builder, fork, after).await?;
        let Some(last) = page.last() else { break };
        after = last.source_position.0;
        for difference in page {
            write_difference(&mut output, &difference)?;
        }
    }
    let mut after = String::new();
    loop {
        let page = balances(builder, fork, &after).await?;
        let Some(last) = page.last() else { break };
        if after.is_empty() {
            writeln!(output, "accounts, credits less debits, there and here:")?;
        }
        after = last.account.0.to_string();
        for balance in page {
            let net = |credits: rust_decimal::Decimal, debits: rust_decimal::Decimal| {
                credits.checked_sub(debits).unwrap_or_default()
            };
            let (there, here) = (&balance.source, &balance.fork);
            writeln!(
                output,
                "  {}  {}  {}  ({})",
                balance.account.0,
                net(there.credits.0.0, there.debits.0.0),
                net(here.credits.0.0, here.debits.0.0),
                balance.difference.0,
            )?;
        }
    }
    Ok(())
}

fn write_difference(
    output: &mut impl Write,
    difference: &ForkDifferenceView,
) -> std::io::Result<()> {
    write!(
        output,
        "{:>8}  {:<9}  {} {}",
        difference.source_position.0,
        difference.outcome.as_str(),
        difference.event_type,
        difference.aggregate_id,
    )?;
    if let Some(refusal) = &difference.refusal {
        write!(output, "  {}: {}", refusal.code, refusal.detail)?;
    }
    if let Some(depends_on) = &difference.depends_on {
        write!(output, "  builds on {}", depends_on.0)?;
    }
    writeln!(output)?;
    for movement in &difference.movements {
        let (there, here) = (&movement.source, &movement.fork);
        let mut parts = Vec::new();
        for (what, one, other) in [
            ("debits", &there.debits, &here.debits),
            ("credits", &there.credits, &here.credits),
            ("reserved", &there.reserved, &here.reserved),
        ] {
            if one != other {
                parts.push(format!("{what} {} became {}", one.0, other.0));
            }
        }
        let (account, parts) = (movement.account.0, parts.join(", "));
        writeln!(output, "                     {account}: {parts}")?;
    }
    Ok(())
}
