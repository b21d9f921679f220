//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use books::Format;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ledger_core::{AccountId, AggregateType, LedgerName, Timestamp, WalletId};

/// Daybook: an event-sourced ledger.
#[derive(Debug, Parser)]
#[command(name = "daybook", version, about, max_term_width = 100)]
pub struct Cli {
    /// A configuration file instead of `daybook.toml` in this folder.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where private servers keep their data.
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "DAYBOOK_DATA_DIR",
        default_value = ".daybook/data"
    )]
    pub data_dir: PathBuf,
    /// Where the server programs of PostgreSQL and NATS are.
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "DAYBOOK_SERVERS_DIR",
        default_value = ".daybook/servers"
    )]
    pub servers_dir: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything: private PostgreSQL and NATS unless configured, REST, live stream, docs.
    Up(Up),
    /// Serve from the configured PostgreSQL and NATS.
    Serve(Serve),
    /// Load transactions from a file of another program.
    #[command(subcommand)]
    Import(Import),
    /// Write the events of a ledger as NDJSON to standard output.
    Replay(Replay),
    /// Write a ledger as an auditor takes it home: all that its check needs, or books for accounting programs.
    Export(Export),
    /// Tell why an account has the balance it has, as a tree.
    Explain(Explain),
    /// Fork a ledger, decide again under other rules what happened from a position on, and tell what comes out otherwise.
    WhatIf(WhatIf),
    /// Recompute everything from the log and prove that the read models agree.
    Verify(Verify),
    /// Check an export offline, seal a ledger, prove what is in it.
    #[command(subcommand)]
    Audit(Audit),
    /// Build a read model anew from the log, beside the live one, and swap them.
    Rebuild(Rebuild),
    /// Write the generated schemas and API documents.
    Schemas(Schemas),
    /// Print a new master key, for `auth.master_key`.
    NewMasterKey,
    /// Wrap the keys of persons anew after the master key was changed; nodes may serve meanwhile.
    RotateMasterKey,
    /// Make an administrator's API key and print it, this once.
    AdminKey,
}

/// `daybook up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Also load the demo: years of a household's books.
    #[arg(long)]
    pub demo: bool,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
}

/// `daybook serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The parts to run in this process.
    #[arg(long, value_delimiter = ',', default_values_t = Role::ALL)]
    pub roles: Vec<Role>,
}

/// A part of Daybook that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// REST, documentation and metrics.
    Api,
    /// Read models.
    Projector,
    /// From the log to NATS.
    Relay,
    /// From NATS to WebSocket and SSE.
    Bridge,
    /// Scheduled work, such as the expiry of holds.
    Worker,
    /// Signed checkpoints of the logs.
    Sealer,
}

impl Role {
    /// Every part.
    pub const ALL: [Self; 6] = [
        Self::Api,
        Self::Projector,
        Self::Relay,
        Self::Bridge,
        Self::Worker,
        Self::Sealer,
    ];
}

impl std::fmt::Display for Role {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Api => "api",
            Self::Projector => "projector",
            Self::Relay => "relay",
            Self::Bridge => "bridge",
            Self::Worker => "worker",
            Self::Sealer => "sealer",
        })
    }
}

/// `daybook import`.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// A beancount file.
    Beancount {
        /// The file.
        file: PathBuf,
        /// The ledger to load it into; opened if it does not exist.
        #[arg(long, default_value = "demo")]
        ledger: LedgerName,
        /// A Python with beancount installed.
        #[arg(long, env = "DAYBOOK_PYTHON", default_value = "python3")]
        python: PathBuf,
    },
}

/// `daybook replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The ledger.
    #[arg(long)]
    pub ledger: LedgerName,
    /// Only events after this position.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub after: i64,
    /// Only events up to and with this position.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    pub until: Option<i64>,
    /// Only events recorded at or after this time (RFC 3339).
    #[arg(long)]
    pub from_time: Option<Timestamp>,
    /// Only events recorded at or before this time (RFC 3339).
    #[arg(long)]
    pub until_time: Option<Timestamp>,
    /// Only events of this kind of aggregate, such as wallet, transaction or payment.
    #[arg(long)]
    pub aggregate_type: Option<AggregateType>,
    /// Only events of this aggregate.
    #[arg(long)]
    pub aggregate_id: Option<String>,
    /// Only events of this type, such as TransactionPosted.
    #[arg(long)]
    pub event_type: Option<String>,
    /// Only events that tell of this wallet: its own, those that name it, and those of its payments and payouts.
    #[arg(long)]
    pub wallet: Option<WalletId>,
    /// Only events of commands that this actor gave, such as person:0190b8a2-5b7e-7c3d-8f00-0000000000aa.
    #[arg(long)]
    pub actor: Option<String>,
}

/// `daybook export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The ledger.
    #[arg(long)]
    pub ledger: LedgerName,
    /// ndjson: the log with all that `daybook audit verify` needs, in a folder. Books, as programs of others read
    /// them: beancount, hledger, csv or parquet.
    #[arg(long, default_value = "ndjson")]
    pub format: ExportFormat,
    /// For ndjson a folder that is empty or not there yet; for books the file to write, or a folder for a file of
    /// the ledger's name.
    #[arg(long, value_name = "FILE_OR_FOLDER")]
    pub to: PathBuf,
    /// As recorded up to and with this position; up to the end of the log when absent.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    pub until: Option<i64>,
    /// Only what counts at or before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub effective_until: Option<Timestamp>,
}

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// The log itself, as lines of JSON with checkpoint, tiles and balances.
    Ndjson,
    /// Books.
    Books(Format),
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "ndjson" {
            return Ok(Self::Ndjson);
        }
        let format = text.parse().map(Self::Books);
        format.map_err(|_| "a format is ndjson, beancount, hledger, csv or parquet".to_owned())
    }
}

/// `daybook explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The ledger.
    #[arg(long)]
    pub ledger: LedgerName,
    /// The account, such as `wallet:<uuid>:INR` or `system:cash:INR`.
    #[arg(long)]
    pub account: AccountId,
    /// As it stood at this position, such as that of an entry; as it stands now when absent.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    pub position: Option<i64>,
    /// The most entries to tell, newest first.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..=100))]
    pub limit: i64,
    /// As JSON and not as a tree.
    #[arg(long)]
    pub json: bool,
}

/// `daybook what-if`.
#[derive(Debug, Args)]
pub struct WhatIf {
    /// The ledger.
    #[arg(long)]
    pub ledger: LedgerName,
    /// What the fork is to be called: a ledger's name that nothing has. Asked again for the same, the fork that there
    /// is goes on, or is told.
    #[arg(long)]
    pub name: LedgerName,
    /// Up to here the log is copied; the last event of a command.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    pub position: i64,
    /// From there to here everything is decided again; the end of the log when absent.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    pub until: Option<i64>,
    /// The rules that are others, as TOML, or as JSON in a file that ends in .json; none when absent.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// As JSON and not as a table.
    #[arg(long)]
    pub json: bool,
}

/// `daybook verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Only this ledger; all when absent.
    #[arg(long)]
    pub ledger: Option<LedgerName>,
}

/// `daybook audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check an export, offline; exits with 2 when something is wrong.
    Verify(AuditVerify),
    /// Seal a ledger now and print the checkpoint.
    Seal {
        /// The ledger.
        #[arg(long)]
        ledger: LedgerName,
    },
    /// Print the proof that an event is in the log, as a .tlog-proof file.
    Proof {
        /// The ledger.
        #[arg(long)]
        ledger: LedgerName,
        /// The event's position.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        position: i64,
    },
    /// Print the proof that a later log begins with an earlier one: hashes in base64, one a line.
    Consistency {
        /// The ledger.
        #[arg(long)]
        ledger: LedgerName,
        /// Events of the earlier checkpoint.
        #[arg(long)]
        from: u64,
        /// Events of the later one.
        #[arg(long)]
        to: u64,
    },
}

/// `daybook audit verify`.
#[derive(Debug, Args)]
pub struct AuditVerify {
    /// The export.
    pub folder: PathBuf,
    /// A public key that is known from elsewhere: <name>+<id>+<base64>. Several may be given.
    #[arg(long, required = true, value_name = "VKEY")]
    pub key: Vec<String>,
    /// A record that was kept earlier of which key follows another. Several may be given.
    #[arg(long, value_name = "FILE")]
    pub record: Vec<PathBuf>,
    /// A checkpoint that was kept earlier. Several may be given.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// The public key of a witness that is to have cosigned the checkpoint. Several may be given.
    #[arg(long, value_name = "WKEY")]
    pub witness: Vec<String>,
    /// How many of the witnesses are enough; all when absent.
    #[arg(long, value_name = "N", requires = "witness")]
    pub witnesses_needed: Option<usize>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `daybook rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// The read models: ledgers, accounts, statements, transactions, holds, wallets, activity, payments, or all.
    #[arg(required = true)]
    pub read_models: Vec<String>,
}

/// `daybook schemas`.
#[derive(Debug, Args)]
pub struct Schemas {
    /// The folder to write to.
    #[arg(long, default_value = "schemas")]
    pub folder: PathBuf,
}
