//! One owner's part of a movement against the owner's tier.

use rust_decimal::Decimal;

use crate::identifier::WalletId;
use crate::money::{Amount, AssetCode, Total};

use super::bounds::{AssetBounds, Judged, OwnerBounds};
use super::rejection::{Limit, LimitRejection};
use super::tier::{AssetLimits, FlowLimits, Operation};
use super::usage::{CountedFlow, Flow, saturating};

/// What one command does to one owner's asset.
#[derive(Debug, Default)]
pub(super) struct Movement {
    pub(super) incoming: Total,
    pub(super) outgoing: Total,
    pub(super) operations: Vec<(Operation, WalletId)>,
}

impl Movement {
    /// What cannot be kept exactly becomes more than any limit.
    pub(super) fn add(
        &mut self,
        flow: Flow,
        operation: Operation,
        wallet: WalletId,
        amount: Amount,
    ) {
        let sum = match flow {
            Flow::Incoming => &mut self.incoming,
            Flow::Outgoing => &mut self.outgoing,
        };
        *sum = saturating(*sum, amount);
        if self.operations.iter().all(|(known, _)| *known != operation) {
            self.operations.push((operation, wallet));
        }
    }

    const fn of(&self, flow: Flow) -> Total {
        match flow {
            Flow::Incoming => self.incoming,
            Flow::Outgoing => self.outgoing,
        }
    }
}

/// One limit about to be compared.
struct Comparison<'a> {
    owner: &'a OwnerBounds,
    wallet: WalletId,
    asset: AssetCode,
    flow: Flow,
    requested: Amount,
}

impl OwnerBounds {
    pub(super) fn judge(
        &self,
        asset: AssetCode,
        movement: &Movement,
        judged: Judged,
        counted: &mut Vec<CountedFlow>,
    ) -> Result<(), LimitRejection> {
        match movement.operations.first() {
            Some((_, wallet)) => self.judge_of(*wallet, asset, movement, judged, counted),
            None => Ok(()),
        }
    }

    pub(super) fn judge_of(
        &self,
        wallet: WalletId,
        asset: AssetCode,
        movement: &Movement,
        judged: Judged,
        counted: &mut Vec<CountedFlow>,
    ) -> Result<(), LimitRejection> {
        let Some(bounds) = self.assets.iter().find(|known| known.asset == asset) else {
            return Ok(());
        };
        self.check_operations(bounds, movement)?;
        let Some(limits) = &bounds.limits else {
            return self.check_nothing_moves(wallet, asset, movement);
        };
        for flow in [Flow::Outgoing, Flow::Incoming] {
            let Some(requested) = movement.of(flow).as_amount() else {
                continue;
            };
            if flow == Flow::Outgoing && judged != Judged::Whole {
                continue;
            }
            let comparison = Comparison {
                owner: self,
                wallet,
                asset,
                flow,
                requested,
            };
            comparison
                .check(limits.of(flow), bounds)
                .map_err(|rejection| movement.discreetly(flow, asset, rejection))?;
            if limits.of(flow).counts() {
                counted.push(comparison.counted());
            }
        }
        self.check_balance(wallet, bounds, limits, movement)
            .map_err(|rejection| movement.discreetly(Flow::Incoming, asset, rejection))
    }

    /// A hold that does not say yet what it is for cannot be of an asset with which nothing is allowed.
    fn check_nothing_moves(
        &self,
        wallet: WalletId,
        asset: AssetCode,
        movement: &Movement,
    ) -> Result<(), LimitRejection> {
        if movement.of(Flow::Outgoing).is_zero() {
            return Ok(());
        }
        Err(LimitRejection::OperationNotAllowed {
            wallet,
            tier: self.tier,
            operation: Operation::Withdrawal,
            asset,
        })
    }

    fn check_operations(
        &self,
        bounds: &AssetBounds,
        movement: &Movement,
    ) -> Result<(), LimitRejection> {
        for (operation, wallet) in &movement.operations {
            let allowed = bounds.limits.as_ref().is_some_and(|limits| {
                let operations = limits.operations.as_ref();
                operations.is_none_or(|allowed| allowed.contains(operation))
            });
            if allowed {
                continue;
            }
            let (wallet, asset) = (*wallet, bounds.asset);
            return Err(match operation {
                Operation::Receive => LimitRejection::ReceiverLimited { wallet, asset },
                Operation::Deposit
                | Operation::Withdrawal
                | Operation::Send
                | Operation::Conversion
                | Operation::Payout => LimitRejection::OperationNotAllowed {
                    wallet,
                    tier: self.tier,
                    operation: *operation,
                    asset,
                },
            });
        }
        Ok(())
    }

    /// Only what adds to the balance is refused for it.
    fn check_balance(
        &self,
        wallet: WalletId,
        bounds: &AssetBounds,
        limits: &AssetLimits,
        movement: &Movement,
    ) -> Result<(), LimitRejection> {
        let (Some(allowed), Some(balance)) = (limits.balance, bounds.balance) else {
            return Ok(());
        };
        let gain = movement
            .incoming
            .value()
            .checked_sub(movement.outgoing.value());
        if gain.is_some_and(|gain| gain <= Decimal::ZERO) {
            return Ok(());
        }
        let after = movement.incoming.as_amount().and_then(|incoming| {
            balance
                .checked_add(incoming)?
                .checked_sub(movement.outgoing)
        });
        if after.is_some_and(|after| after.value() <= allowed.value()) {
            return Ok(());
        }
        Err(LimitRejection::BalanceLimitExceeded {
            wallet,
            tier: self.tier,
            limit: Limit::Balance,
            asset: bounds.asset,
            allowed: allowed.value(),
            used: balance.value(),
            left: left(allowed, balance.value()),
            requested: movement.incoming.value(),
        })
    }
}

impl Movement {
    /// What the one who sends is told about the limits of the one who receives.
    fn discreetly(
        &self,
        flow: Flow,
        asset: AssetCode,
        rejection: LimitRejection,
    ) -> LimitRejection {
        let received = self
            .operations
            .iter()
            .find(|(known, _)| *known == Operation::Receive);
        match (flow, received) {
            (Flow::Incoming, Some((_, wallet))) => LimitRejection::ReceiverLimited {
                wallet: *wallet,
                asset,
            },
            (Flow::Incoming | Flow::Outgoing, _) => rejection,
        }
    }
}

/// How much of a limit is left; nothing when it is below what is used.
fn left(allowed: Amount, used: Decimal) -> Decimal {
    let allowed = allowed.value();
    let nothing = Decimal::new(0, allowed.scale());
    allowed
        .checked_sub(used)
        .map_or(nothing, |left| left.max(nothing))
}

impl Comparison<'_> {
    fn check(&self, limits: &FlowLimits, bounds: &AssetBounds) -> Result<(), LimitRejection> {
        if let Some(allowed) = limits.per_transaction
            && self.requested > allowed
        {
            return Err(LimitRejection::TransactionLimitExceeded {
                wallet: self.wallet,
                tier: self.owner.tier,
                limit: Limit::PerTransaction,
                flow: self.flow,
                asset: self.asset,
                allowed: allowed.value(),
                requested: self.requested.value(),
            });
        }
        let used = match self.flow {
            Flow::Incoming => bounds.incoming,
            Flow::Outgoing => bounds.outgoing,
        };
        self.check_period(Limit::PerDay, limits.per_day, used.day)?;
        self.check_period(Limit::PerMonth, limits.per_month, used.month)
    }

    fn check_period(
        &self,
        limit: Limit,
        allowed: Option<Amount>,
        used: Total,
    ) -> Result<(), LimitRejection> {
        let Some(allowed) = allowed else {
            return Ok(());
        };
        let after = used.checked_add(self.requested);
        if after.is_some_and(|after| after.value() <= allowed.value()) {
            return Ok(());
        }
        let frees_at = match limit {
            Limit::PerDay => self.owner.calendar.next_day,
            Limit::PerMonth => self.owner.calendar.next_month,
            Limit::PerTransaction | Limit::Balance => None,
        };
        Err(LimitRejection::PeriodLimitExceeded {
            wallet: self.wallet,
            tier: self.owner.tier,
            limit,
            flow: self.flow,
            asset: self.asset,
            allowed: allowed.value(),
            used: used.value(),
            left: left(allowed, used.value()),
            requested: self.requested.value(),
            // Nothing frees what would be too much for an empty day.
            frees_at: frees_at.filter(|_| self.requested <= allowed),
        })
    }

    const fn counted(&self) -> CountedFlow {
        CountedFlow {
            owner: self.owner.owner,
            flow: self.flow,
            asset: self.asset,
            amount: self.requested,
            day: self.owner.calendar.day,
        }
    }
}
