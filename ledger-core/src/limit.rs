//! Tiers and limits: how much an owner may move, hold and do, decided with the movement itself.
//!
//! A **tier** is data of the ledger ([`Tier`]): what may be done, and for each asset how much may come
//! in, go out and be held. An owner has the tier that was granted last ([`crate::owner`]), else the
//! ledger's default tier, else none and no limits. Limits belong to the owner: all wallets of one owner
//! share them.
//!
//! **What is used is in the events.** A movement that counts says so itself ([`Usage`]): for whom, in
//! which direction, how much, on which day of the tier's calendar. Adding up these entries is all there
//! is to know, so a restart, a replay and another node come to the same sums, and what counted is not
//! judged again by later rules.
//!
//! | movement | judged | counted |
//! |---|---|---|
//! | asked for; crediting a wallet from suspense | both sides | both sides |
//! | placing a hold, requesting a payout | the side that gives | the side that gives, on that day |
//! | capturing a hold | the side that receives; what the giver may do | the side that receives |
//! | voiding or expiring a hold, releasing a part | no | given back, to the day on which it counted |
//! | creating a payment | the side that receives | no |
//! | a payment's money arrives | the side that receives; what is too much goes to suspense | the side that receives |
//! | refunds, disputes, payouts that are made or come back | no | no |
//! | reverting a transaction | no | given back what the transaction counted |
//! | between wallets of one owner; fees | no | no |
//!
//! A movement counts where the owner's tier limits its asset and direction by the day or month. What
//! was moved before there was such a limit is not known to it.

mod bounds;
mod calendar;
mod judge;
mod rejection;
#[cfg(test)]
mod tests;
mod tier;
mod usage;

pub use bounds::{AssetBounds, Bounds, Departure, DepartureKind, Judged, Limits, OwnerBounds};
pub use calendar::{Calendar, UtcOffset, UtcOffsetError};
pub use rejection::{Limit, LimitRejection};
pub use tier::{
    AssetLimits, FlowLimits, Operation, OtherAssets, RequestedAssetLimits, RequestedFlowLimits,
    RequestedTier, Tier,
};
pub use usage::{CountedFlow, Counting, Flow, FlowError, KEPT_DAYS, Usage, Used, UsedByDay};
