//! What bounds the owners that a movement concerns, and where a movement meets them.

use std::collections::BTreeMap;

use crate::identifier::{Holder, OwnerKey, TierName, WalletId};
use crate::money::{Amount, AssetCode, Balance, Total};
use crate::posting::Posting;

use super::calendar::Calendar;
use super::judge::Movement;
use super::rejection::LimitRejection;
use super::tier::{AssetLimits, Operation};
use super::usage::{Flow, Usage, Used};

/// What the platform earns: paying it uses up no limit, or a fee could make its transfer impossible.
const FEES: &str = "fees";
/// Where the legs of a conversion meet.
const EXCHANGE: &str = "fx";

/// How far a movement is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Both sides.
    Whole,
    /// It settles a hold, which was judged and counted when it was placed: only what arrives, and
    /// whether the giver may do what the hold did not say yet.
    Arrival,
}

/// What bounds the owners of the wallets that a command concerns; nothing in a ledger without tiers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits(Option<Box<Bounds>>);

/// Owners, and what each of them may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Who owns the wallets concerned.
    pub wallets: Vec<(WalletId, OwnerKey)>,
    /// Those of them who have a tier.
    pub owners: Vec<OwnerBounds>,
}

/// An owner's tier, as far as a command concerns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerBounds {
    /// Who.
    pub owner: OwnerKey,
    /// The tier's name.
    pub tier: TierName,
    /// The day and month that the decision falls into.
    pub calendar: Calendar,
    /// The assets concerned.
    pub assets: Vec<AssetBounds>,
}

/// What an owner may do with one asset, and has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetBounds {
    /// Which asset.
    pub asset: AssetCode,
    /// What is allowed; nothing when absent.
    pub limits: Option<AssetLimits>,
    /// What came in.
    pub incoming: Used,
    /// What went out.
    pub outgoing: Used,
    /// What the owner's wallets hold, where it is limited and the command adds to it.
    pub balance: Option<Balance>,
}

/// Money that is to be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Whose.
    pub source: Holder,
    /// Who is to receive it, where that is known.
    pub destination: Option<Holder>,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// Whether a provider is to pay it out.
    pub kind: DepartureKind,
}

/// What money is reserved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepartureKind {
    /// A payout.
    Payout,
    /// Whatever the capture says.
    Hold,
}

impl Limits {
    /// The bounds of these owners.
    #[must_use]
    pub fn new(mut bounds: Bounds) -> Self {
        bounds.wallets.sort_unstable();
        bounds.owners.sort_unstable_by_key(|owner| owner.owner);
        Self(Some(Box::new(bounds)))
    }

    /// Judges postings as one movement, and says what of them counts.
    ///
    /// # Errors
    /// The first limit broken.
    pub fn judge(
        &self,
        postings: &[Posting],
        judged: Judged,
    ) -> Result<Option<Box<Usage>>, LimitRejection> {
        let Some(bounds) = &self.0 else {
            return Ok(None);
        };
        let mut counted = Vec::new();
        for ((owner, asset), movement) in bounds.movements(postings) {
            if let Some(owner) = bounds.bounds_of(owner) {
                owner.judge(asset, &movement, judged, &mut counted)?;
            }
        }
        Ok(Usage::counted(counted))
    }

    /// Judges what is to be reserved, and says whether it counts.
    ///
    /// # Errors
    /// The first limit broken.
    pub fn judge_departure(
        &self,
        departure: &Departure,
    ) -> Result<Option<Box<Usage>>, LimitRejection> {
        let (Some(bounds), Holder::Wallet(wallet)) = (&self.0, departure.source) else {
            return Ok(None);
        };
        let Some(owner) = bounds.owner_of(departure.source) else {
            return Ok(None);
        };
        let operation = match (departure.kind, departure.destination) {
            (DepartureKind::Payout, _) => Some(Operation::Payout),
            (DepartureKind::Hold, None) => None,
            (DepartureKind::Hold, Some(to)) => {
                if bounds.owner_of(to) == Some(owner) {
                    return Ok(None);
                }
                match operation_with(Flow::Outgoing, to) {
                    Some(operation) => Some(operation),
                    None => return Ok(None),
                }
            }
        };
        let movement = Movement {
            incoming: Total::ZERO,
            outgoing: departure.amount.into(),
            operations: operation.map(|known| (known, wallet)).into_iter().collect(),
        };
        let mut counted = Vec::new();
        if let Some(owner) = bounds.bounds_of(owner) {
            owner.judge_of(
                wallet,
                departure.asset,
                &movement,
                Judged::Whole,
                &mut counted,
            )?;
        }
        Ok(Usage::counted(counted))
    }

    /// Judges whether an amount could be deposited; it counts when it arrives.
    ///
    /// # Errors
    /// The first limit broken.
    pub fn judge_deposit(
        &self,
        wallet: WalletId,
        asset: AssetCode,
        amount: Amount,
    ) -> Result<(), LimitRejection> {
        let Some(bounds) = &self.0 else {
            return Ok(());
        };
        let movement = Movement {
            incoming: amount.into(),
            outgoing: Total::ZERO,
            operations: vec![(Operation::Deposit, wallet)],
        };
        let owner = bounds.owner_of(Holder::Wallet(wallet));
        match owner.and_then(|owner| bounds.bounds_of(owner)) {
            Some(owner) => owner.judge(asset, &movement, Judged::Whole, &mut Vec::new()),
            None => Ok(()),
        }
    }
}

impl Bounds {
    fn owner_of(&self, holder: Holder) -> Option<OwnerKey> {
        let Holder::Wallet(wallet) = holder else {
            return None;
        };
        let place = self.wallets.binary_search_by_key(&wallet, |(id, _)| *id);
        place.ok().map(|place| self.wallets[place].1)
    }

    fn bounds_of(&self, owner: OwnerKey) -> Option<&OwnerBounds> {
        let place = self
            .owners
            .binary_search_by_key(&owner, |known| known.owner);
        place.ok().map(|place| &self.owners[place])
    }

    /// What the postings do to each owner with a tier. Between wallets of one owner nothing moves.
    fn movements(&self, postings: &[Posting]) -> BTreeMap<(OwnerKey, AssetCode), Movement> {
        let mut movements: BTreeMap<(OwnerKey, AssetCode), Movement> = BTreeMap::new();
        for posting in postings {
            let giver = self.owner_of(posting.source);
            let receiver = self.owner_of(posting.destination);
            if giver.is_some() && giver == receiver {
                continue;
            }
            if let (Some(owner), Holder::Wallet(wallet)) = (giver, posting.source)
                && let Some(operation) = operation_with(Flow::Outgoing, posting.destination)
            {
                let movement = movements.entry((owner, posting.asset)).or_default();
                movement.add(Flow::Outgoing, operation, wallet, posting.amount);
            }
            if let (Some(owner), Holder::Wallet(wallet)) = (receiver, posting.destination)
                && let Some(operation) = operation_with(Flow::Incoming, posting.source)
            {
                let movement = movements.entry((owner, posting.asset)).or_default();
                movement.add(Flow::Incoming, operation, wallet, posting.amount);
            }
        }
        movements
    }
}

/// What it is called when money moves to or from somebody; nothing when it is a fee.
fn operation_with(flow: Flow, other: Holder) -> Option<Operation> {
    match (flow, other) {
        (Flow::Outgoing, Holder::Wallet(_)) => Some(Operation::Send),
        (Flow::Incoming, Holder::Wallet(_)) => Some(Operation::Receive),
        (_, Holder::System(name)) if name.as_str() == FEES => None,
        (_, Holder::System(name)) if name.as_str() == EXCHANGE => Some(Operation::Conversion),
        (Flow::Outgoing, Holder::System(_)) => Some(Operation::Withdrawal),
        (Flow::Incoming, Holder::System(_)) => Some(Operation::Deposit),
    }
}
