//! The commands that make a ledger's books equal to a file's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ledger_core::annotation::{Metadata, Reference};
use ledger_core::ledger::standard_system_accounts;
use ledger_core::money::AssetKind;
use ledger_core::posting::NormalSide;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{
    Asset, AssetCode, Command, Holder, LedgerName, OwnerId, SystemAccountName, TransactionId,
    WalletId,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::account::{AccountMap, MappedAccount};
use super::asset::Assets;
use super::error::{ImportError, MappingError};
use super::journal::{Journal, JournalAccount, Origin};
use super::transaction::Mapping;

/// The namespace of all ids that imports of beancount files derive.
const BEANCOUNT_NAMESPACE: Uuid = Uuid::from_u128(0x6d0c_9a54_38ad_4a0b_9d3a_5d2c_7f0e_61b7);

/// Changes when the same file leads to other commands than before.
const MAPPING_VERSION: &[u8] = b"daybook-beancount-1";

/// The system account through which conversions go; every ledger opens with it.
const CONVERSION_ACCOUNT: &str = "fx";

/// Which books go where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequest {
    /// The file.
    pub file: PathBuf,
    /// The ledger; opened when it does not exist.
    pub ledger: LedgerName,
    /// What the books are called: importing the same name again is the same import. The file's
    /// name, without its folder, unless set.
    pub source_name: String,
    /// Who owns the wallets.
    pub owner: OwnerId,
}

impl ImportRequest {
    /// The import of a file whose wallets belong to `owner`.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, ledger: LedgerName, owner: OwnerId) -> Self {
        let file = file.into();
        let source_name = source_name(&file);
        Self {
            file,
            ledger,
            source_name,
            owner,
        }
    }
}

fn source_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A transaction that is to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTransaction {
    /// Where the file has it.
    pub origin: Origin,
    /// What posts it.
    pub command: Command,
}

/// Everything that is to be asked of the ledger, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The ledger.
    pub ledger: LedgerName,
    /// What the books are called.
    pub source_name: String,
    /// The namespace of the ids; follows from the ledger and what the books are called.
    pub namespace: Uuid,
    /// Registers the assets, opens the system accounts and the wallets.
    pub setup: Vec<Command>,
    /// Posts the transactions.
    pub transactions: Vec<PlannedTransaction>,
    /// Transactions of the file that move nothing and are left out.
    pub without_movement: usize,
    /// What each account has become.
    pub accounts: AccountMap,
    /// The assets that the file moves.
    pub assets: Vec<Asset>,
    /// The system account through which conversions go.
    pub conversions: SystemAccountName,
    /// SHA-256 of the content that is imported.
    pub content_hash: [u8; 32],
}

impl Plan {
    /// Opens the ledger with the standard system accounts.
    #[must_use]
    pub fn open_ledger(&self) -> Command {
        Command::OpenLedger {
            name: self.ledger,
            system_accounts: standard_system_accounts(),
        }
    }

    /// Every command, in the order in which an empty ledger can take them.
    pub fn commands(&self) -> impl Iterator<Item = Command> + '_ {
        let transactions = self.transactions.iter().map(|planned| &planned.command);
        std::iter::once(self.open_ledger())
            .chain(self.setup.iter().cloned())
            .chain(transactions.cloned())
    }
}

/// Turns a file's books into commands. Depends on nothing but its parameters.
///
/// # Errors
/// [`ImportError::Mapping`] when the books cannot be expressed in a ledger.
pub fn plan(request: &ImportRequest, journal: &Journal) -> Result<Plan, ImportError> {
    let namespace = namespace(request);
    let accounts = AccountMap::try_new(&journal.accounts, namespace)?;
    let assets = Assets::try_new(journal)?;
    let conversions = conversion_account()?;
    let mapping = Mapping {
        accounts: &accounts,
        assets: &assets,
        conversions,
    };
    let transactions = planned_transactions(journal, &mapping, namespace)?;
    if transactions.is_empty() {
        return Err(MappingError::NoTransactions.into());
    }
    let used = used_assets(journal);
    let mut setup: Vec<Command> = assets.iter().filter_map(register).collect();
    for (account, mapped) in journal.accounts.iter().zip(accounts.as_slice()) {
        setup.push(open(request, account, mapped, &used)?);
    }
    Ok(Plan {
        ledger: request.ledger,
        source_name: request.source_name.clone(),
        namespace,
        setup,
        without_movement: journal.transactions.len() - transactions.len(),
        transactions,
        assets: assets.iter().collect(),
        accounts,
        conversions,
        content_hash: content_hash(request, journal)?,
    })
}

fn namespace(request: &ImportRequest) -> Uuid {
    let name = format!("{}/{}", request.ledger, request.source_name);
    Uuid::new_v5(&BEANCOUNT_NAMESPACE, name.as_bytes())
}

fn conversion_account() -> Result<SystemAccountName, MappingError> {
    CONVERSION_ACCOUNT
        .parse()
        .map_err(|_| MappingError::AccountNameTooLong {
            name: CONVERSION_ACCOUNT.to_owned(),
        })
}

fn planned_transactions(
    journal: &Journal,
    mapping: &Mapping<'_>,
    namespace: Uuid,
) -> Result<Vec<PlannedTransaction>, MappingError> {
    let mut planned = Vec::with_capacity(journal.transactions.len());
    for (index, transaction) in journal.transactions.iter().enumerate() {
        let ordinal = index + 1;
        let Some(request) = mapping.request(ordinal, transaction)? else {
            continue;
        };
        let id = Uuid::new_v5(&namespace, format!("transaction/{ordinal}").as_bytes());
        planned.push(PlannedTransaction {
            origin: transaction.origin(),
            command: Command::PostTransaction {
                transaction: TransactionId::new(id),
                request,
            },
        });
    }
    Ok(planned)
}

fn register(asset: Asset) -> Option<Command> {
    match asset.kind {
        AssetKind::Custom => Some(Command::RegisterAsset {
            code: asset.code,
            scale: asset.scale,
        }),
        AssetKind::Currency | AssetKind::Crypto => None,
    }
}

/// The assets that each account ever holds: those in which its wallet may be overdrawn.
fn used_assets(journal: &Journal) -> BTreeMap<&str, BTreeSet<AssetCode>> {
    let mut used: BTreeMap<&str, BTreeSet<AssetCode>> = BTreeMap::new();
    let postings = journal
        .transactions
        .iter()
        .flat_map(|transaction| &transaction.postings);
    for posting in postings {
        if let Ok(code) = posting.currency.parse() {
            used.entry(&posting.account).or_default().insert(code);
        }
    }
    used
}

fn open(
    request: &ImportRequest,
    account: &JournalAccount,
    mapped: &MappedAccount,
    used: &BTreeMap<&str, BTreeSet<AssetCode>>,
) -> Result<Command, MappingError> {
    match mapped.holder {
        Holder::Wallet(wallet) => open_wallet(request, account, wallet, used),
        Holder::System(name) => Ok(open_system_account(name, mapped.normal_side)),
    }
}

fn open_wallet(
    request: &ImportRequest,
    account: &JournalAccount,
    wallet: WalletId,
    used: &BTreeMap<&str, BTreeSet<AssetCode>>,
) -> Result<Command, MappingError> {
    let too_long = || MappingError::AccountNameTooLong {
        name: account.name.clone(),
    };
    let overdraft = used
        .get(account.name.as_str())
        .into_iter()
        .flatten()
        .map(|code| (*code, RequestedOverdraft::Unlimited))
        .collect();
    let mut entries = BTreeMap::from([
        ("source".to_owned(), "beancount".to_owned()),
        ("opened".to_owned(), account.opened.to_string()),
    ]);
    if let Some(closed) = account.closed {
        entries.insert("closed".to_owned(), closed.to_string());
    }
    Ok(Command::OpenWallet {
        wallet,
        owner: request.owner.clone(),
        overdraft,
        reference: Some(Reference::try_from(account.name.clone()).map_err(|_| too_long())?),
        metadata: Metadata::try_from(entries).map_err(|_| too_long())?,
    })
}

/// Opens a system account.
pub(super) const fn open_system_account(
    name: SystemAccountName,
    normal_side: NormalSide,
) -> Command {
    Command::OpenSystemAccount { name, normal_side }
}

/// Covers all that the commands follow from, so that any change of them changes it.
fn content_hash(request: &ImportRequest, journal: &Journal) -> Result<[u8; 32], ImportError> {
    let content = serde_json::to_vec(&(request.owner.as_str(), journal))
        .map_err(|source| ImportError::AdapterOutput { line: 0, source })?;
    let hash = Sha256::new()
        .chain_update(MAPPING_VERSION)
        .chain_update(content);
    Ok(hash.finalize().into())
}
