//! What a check has found.

use serde::Serialize;

/// The most findings that a report lists.
pub const MAX_FINDINGS: usize = 1_000;

/// What is wrong; the stable words of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The checkpoint of the export is none.
    CheckpointMalformed,
    /// A checkpoint is of another log.
    OriginDiffers,
    /// No trusted key, nor one that follows it, signed a checkpoint.
    SignatureUnknown,
    /// A signature of a checkpoint is wrong.
    SignatureWrong,
    /// A checkpoint is signed by a key after which another one counts.
    KeyRetired,
    /// A key has signed two records that say which key follows it, and they differ.
    KeyRecordDiffers,
    /// A record that was kept is signed by no trusted key.
    KeyRecordUnknown,
    /// Several keys of the log are trusted after which no other one is shown to count.
    KeyUnended,
    /// The cosignature of a witness is wrong.
    CosignatureWrong,
    /// Fewer witnesses than are needed have cosigned the checkpoint.
    CosignaturesMissing,
    /// The tiles are not those of the checkpoint.
    TilesDiffer,
    /// A line is no event.
    LineMalformed,
    /// An event is of another ledger.
    LedgerDiffers,
    /// An event, or several from it on, is not there.
    EventMissing,
    /// An event stands after a later one, or a second time.
    EventOutOfOrder,
    /// An event is after the last that is sealed.
    EventBeyondCheckpoint,
    /// An event is not what was sealed.
    EventChanged,
    /// An event was recorded before the one in front of it.
    TimeBackwards,
    /// An event is not the next of its stream.
    SequenceGap,
    /// A line says of a person what its event does not, or what became of them otherwise than the log.
    PersonalMarkWrong,
    /// A checkpoint has another time than the last event of its tree.
    RecordedAtDiffers,
    /// An event says nothing that Daybook knows.
    EventMalformed,
    /// An event breaks a rule of the ledger.
    RuleBroken,
    /// The events have another root than the checkpoint.
    RootDiffers,
    /// The events do not begin with those of an earlier checkpoint.
    HistoryRewritten,
    /// The events end before those of an earlier checkpoint.
    HistoryTruncated,
    /// A line of balances is none.
    BalanceMalformed,
    /// An account holds something else than is stated.
    BalanceDiffers,
    /// An account that moved is not stated.
    BalanceMissing,
    /// An account is stated that never moved.
    BalanceUnknown,
    /// Stated debits and credits of an asset differ.
    TrialBalanceDiffers,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The event, where it is one.
    pub position: Option<u64>,
    /// The account or asset, where it is one.
    pub account: Option<String>,
    /// In words.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(code: Code, position: Option<u64>, detail: impl Into<String>) -> Self {
        Self {
            code,
            position,
            account: None,
            detail: detail.into(),
        }
    }

    pub(super) fn of_account(
        code: Code,
        account: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            code,
            position: None,
            account: Some(account.into()),
            detail: detail.into(),
        }
    }
}

/// What was checked, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The ledger; unknown when no event can be read.
    pub ledger: Option<String>,
    /// The log that the checkpoint is of.
    pub origin: Option<String>,
    /// Events that the checkpoint is of.
    pub size: Option<u64>,
    /// Its root, in base64.
    pub root: Option<String>,
    /// The public key that signed it.
    pub signed_by: Option<String>,
    /// The keys of witnesses that have cosigned it; absent when nobody asked for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosigned_by: Option<Vec<String>>,
    /// Events that were read.
    pub events: u64,
    /// Transactions among them.
    pub transactions: u64,
    /// Accounts whose balances were compared.
    pub accounts: u64,
    /// Earlier checkpoints with which this one is consistent.
    pub consistent_checkpoints: u64,
    /// What is wrong, at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// What is wrong and not listed.
    pub findings_left_out: u64,
}

impl Report {
    pub(super) fn begin() -> Self {
        Self {
            ok: false,
            ledger: None,
            origin: None,
            size: None,
            root: None,
            signed_by: None,
            cosigned_by: None,
            events: 0,
            transactions: 0,
            accounts: 0,
            consistent_checkpoints: 0,
            findings: Vec::new(),
            findings_left_out: 0,
        }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }
}
