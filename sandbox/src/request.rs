//! Asking for a fork.
//!
//! A fork is known by its name. Who asks again for the same under the same name is told of the fork that there is; who
//! asks for something else is refused. So asking twice makes one fork.

use event_store::sandbox::{NewSandbox, Sandbox, SandboxError, Sandboxes, create_in_tx};
use event_store::{LogError, LogReader, StoredEvent};
use ledger_core::{AccountId, Holder, LedgerName, Position, Stream};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnection, PgPool};

use crate::rules::{Rules, RulesError};

/// A fork as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForkRequest {
    /// What it is to be called.
    pub name: LedgerName,
    /// Which ledger is to be forked.
    pub source: LedgerName,
    /// Up to here the log is copied; its end when absent.
    pub position: Option<Position>,
    /// From there to here it is decided again; the end of the log when absent.
    pub until: Option<Position>,
    /// The rules that are others.
    pub rules: Rules,
}

/// Why there is no such fork.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// There is no such ledger to be forked.
    #[error("the ledger {0} does not exist")]
    LedgerNotFound(LedgerName),
    /// Forks are not forked.
    #[error("the ledger {0} is a sandbox: only what has happened is forked")]
    IsSandbox(LedgerName),
    /// Something else has the name.
    #[error("the name {0} is taken")]
    NameTaken(LedgerName),
    /// The log is not that long, or the end lies before the position.
    #[error(
        "a fork is from position 1 or later to no later than {head}: {position} to {until} is not"
    )]
    Position {
        /// Where it was to begin.
        position: Position,
        /// Where it was to end.
        until: Position,
        /// Where the log ends.
        head: Position,
    },
    /// The position is in the middle of what one command led to.
    #[error("position {position} is in the middle of a command, which goes on to position {end}")]
    InsideCommand {
        /// Which.
        position: Position,
        /// The last event of that command.
        end: Position,
    },
    /// A rule is none.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A rule is about a wallet that there is none of.
    #[error(
        "the ledger {source_ledger} has no wallet of the account {account} by position {until}"
    )]
    NoSuchWallet {
        /// The account.
        account: AccountId,
        /// The ledger.
        source_ledger: LedgerName,
        /// Where the fork ends.
        until: Position,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The sandboxes cannot be read.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// PostgreSQL failed.
    #[error("the fork cannot be written")]
    Database(#[from] sqlx::Error),
    /// The rules cannot be written.
    #[error("the rules cannot be written")]
    Write(#[from] serde_json::Error),
}

impl ForkError {
    /// The stable code; never reused for another. `None` for faults, which pass.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::LedgerNotFound(_) => Some("ledger_not_found"),
            Self::IsSandbox(_) => Some("ledger_is_sandbox"),
            Self::NameTaken(_) => Some("ledger_name_taken"),
            Self::Position { .. } => Some("fork_position_out_of_range"),
            Self::InsideCommand { .. } => Some("fork_inside_command"),
            Self::Rules(_) => Some("fork_rules_invalid"),
            Self::NoSuchWallet { .. } => Some("wallet_not_found"),
            Self::Log(_) | Self::Sandbox(_) | Self::Database(_) | Self::Write(_) => None,
        }
    }
}

/// A fork that there is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forked {
    /// It.
    pub sandbox: LedgerName,
    /// Whether it was made by this.
    pub is_new: bool,
}

/// Makes a fork of which nothing is written yet, or finds the one that was asked for by the same request.
///
/// # Errors
/// [`ForkError`].
pub async fn fork_in_tx(
    tx: &mut PgConnection,
    pool: &PgPool,
    request: &ForkRequest,
    created_by: Option<String>,
) -> Result<Forked, ForkError> {
    request.rules.check()?;
    let request_hash: [u8; 32] = Sha256::digest(serde_json::to_vec(request)?).into();
    let known = Sandboxes::new(pool.clone()).find(request.name).await?;
    if let Some(known) = known {
        return the_same(request, &known, &request_hash);
    }
    let log = LogReader::new(pool.clone());
    let head = log.head(request.source).await?;
    let head = head.ok_or(ForkError::LedgerNotFound(request.source))?;
    if head.is_sandbox {
        return Err(ForkError::IsSandbox(request.source));
    }
    let until = request.until.unwrap_or(head.position);
    let position = request.position.unwrap_or(until);
    if position < Position::START.next() || until < position || until > head.position {
        return Err(ForkError::Position {
            position,
            until,
            head: head.position,
        });
    }
    for end in [position, until] {
        check_end(&log, request.source, end).await?;
    }
    for account in request.rules.overdrafts.keys() {
        check_wallet(&log, request.source, *account, until).await?;
    }
    let new = NewSandbox {
        ledger: request.name,
        source: request.source,
        position,
        until,
        rules: serde_json::to_string(&request.rules)?,
        request_hash,
        created_by,
    };
    if create_in_tx(tx, &new).await? {
        return Ok(Forked {
            sandbox: request.name,
            is_new: true,
        });
    }
    // Somebody has just made it, or the name is a ledger's.
    match Sandboxes::new(pool.clone()).find(request.name).await? {
        Some(known) => the_same(request, &known, &request_hash),
        None => Err(ForkError::NameTaken(request.name)),
    }
}

fn the_same(
    request: &ForkRequest,
    known: &Sandbox,
    request_hash: &[u8; 32],
) -> Result<Forked, ForkError> {
    if known.request_hash != request_hash {
        return Err(ForkError::NameTaken(request.name));
    }
    Ok(Forked {
        sandbox: request.name,
        is_new: false,
    })
}

/// What one command led to stands or falls together.
async fn check_end(
    log: &LogReader,
    source: LedgerName,
    position: Position,
) -> Result<(), ForkError> {
    let before = Position::START.plus(position.value() - 1);
    let events = log.read(source, before, 2_000).await?;
    let command = |event: &StoredEvent| event.decode().map(|event| event.metadata.command_id);
    let Some(last) = events.first() else {
        return Ok(());
    };
    let last = command(last)?;
    let mut end = position;
    for event in events.iter().skip(1) {
        if command(event)? != last {
            break;
        }
        end = end.next();
    }
    match end == position {
        true => Ok(()),
        false => Err(ForkError::InsideCommand { position, end }),
    }
}

async fn check_wallet(
    log: &LogReader,
    source: LedgerName,
    account: AccountId,
    until: Position,
) -> Result<(), ForkError> {
    let Holder::Wallet(wallet) = account.holder else {
        return Ok(());
    };
    let stream = log.read_stream(source, &Stream::Wallet(wallet)).await?;
    match stream.first() {
        Some(first) if first.position <= until => Ok(()),
        Some(_) | None => Err(ForkError::NoSuchWallet {
            account,
            source_ledger: source,
            until,
        }),
    }
}
