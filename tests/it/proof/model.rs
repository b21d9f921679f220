//! What a ledger is, said once more and as simply as can be: balances, holds and transactions in
//! hash maps, whole numbers, no cache, no batches, none of the code under test.
//!
//! Everything is kept with the position from which it was so, which makes the state at any
//! position a look-up.

use std::collections::{BTreeMap, HashMap};

use super::history::{Hundredths, Move, Position, Refusal, Request, Rest, account_of};
use super::log::{Cause, Fact};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Credits less debits.
    pub balance: Hundredths,
    pub reserved: Hundredths,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hold {
    source: String,
    asset: &'static str,
    destination: String,
    remaining: Hundredths,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Transaction {
    moves: Vec<Move>,
    reverted_by: Option<String>,
}

/// Values with the positions from which they hold.
type Track<T> = HashMap<String, Vec<(Position, T)>>;

/// Every state the ledger went through.
#[derive(Debug, Default)]
pub struct Timeline {
    accounts: Track<Account>,
    holds: Track<Hold>,
    transactions: Track<Transaction>,
    overdrafts: HashMap<String, Hundredths>,
    sums: BTreeMap<&'static str, Hundredths>,
}

/// The ids that Daybook chose for what a command began.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    pub transaction: String,
    pub hold: String,
}

impl Chosen {
    /// The ids in what was appended.
    pub fn in_facts<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut chosen = Self::default();
        for fact in facts {
            match fact {
                Fact::Posted { transaction, .. } => chosen.transaction.clone_from(transaction),
                Fact::Placed { hold, .. } => chosen.hold.clone_from(hold),
                _ => {}
            }
        }
        chosen
    }
}

fn last_at<'a, T>(track: &'a Track<T>, id: &str, at: Position) -> Option<&'a T> {
    let values = track.get(id)?;
    let until = values.partition_point(|(from, _)| *from <= at);
    values.get(until.checked_sub(1)?).map(|(_, value)| value)
}

impl Timeline {
    pub fn new(overdrafts: &[(String, Hundredths)]) -> Self {
        Self {
            overdrafts: overdrafts.iter().cloned().collect(),
            ..Self::default()
        }
    }

    /// The state after the event at this position and before the next.
    pub fn account(&self, account: &str, at: Position) -> Account {
        last_at(&self.accounts, account, at)
            .copied()
            .unwrap_or_default()
    }

    /// What may leave an account; `None` where there is no limit.
    pub fn available(&self, account: &str, at: Position) -> Option<Hundredths> {
        let limited = account.starts_with("wallet:");
        let Account { balance, reserved } = self.account(account, at);
        let overdraft = self.overdrafts.get(account).copied().unwrap_or(0);
        limited.then_some(balance - reserved + overdraft)
    }

    /// The sum of all balances, by asset; it must always be zero.
    pub fn sums(&self) -> &BTreeMap<&'static str, Hundredths> {
        &self.sums
    }

    /// Takes an event as it is, right or wrong.
    pub fn apply(&mut self, position: Position, fact: &Fact) {
        match fact {
            Fact::Posted {
                transaction, moves, ..
            } => {
                for one in moves {
                    self.change(position, &one.source, one.asset, (-one.amount, 0));
                    self.change(position, &one.destination, one.asset, (one.amount, 0));
                }
                let posted = Transaction {
                    moves: moves.clone(),
                    reverted_by: None,
                };
                self.transactions
                    .entry(transaction.clone())
                    .or_default()
                    .push((position, posted));
            }
            Fact::Reverted { transaction, by } => {
                let known = last_at(&self.transactions, transaction, position).cloned();
                let moves = known.map(|known| known.moves).unwrap_or_default();
                let reverted = Transaction {
                    moves,
                    reverted_by: Some(by.clone()),
                };
                self.transactions
                    .entry(transaction.clone())
                    .or_default()
                    .push((position, reverted));
            }
            Fact::Placed {
                hold,
                source,
                asset,
                amount,
                destination,
                ..
            } => {
                self.change(position, source, asset, (0, *amount));
                let placed = Hold {
                    source: source.clone(),
                    asset,
                    destination: destination.clone(),
                    remaining: *amount,
                    status: "active",
                };
                self.holds
                    .entry(hold.clone())
                    .or_default()
                    .push((position, placed));
            }
            Fact::Captured {
                hold,
                source,
                asset,
                amount,
                released,
                remaining,
                ..
            } => {
                self.change(position, source, asset, (0, -(amount + released)));
                let status = if *remaining > 0 { "active" } else { "captured" };
                self.change_hold(position, hold, *remaining, status);
            }
            Fact::Voided {
                hold,
                source,
                asset,
                released,
                ..
            } => {
                self.change(position, source, asset, (0, -released));
                self.change_hold(position, hold, 0, "voided");
            }
            Fact::Other(_) => {}
        }
    }

    fn change(
        &mut self,
        position: Position,
        holder: &str,
        asset: &'static str,
        (balance, reserved): (Hundredths, Hundredths),
    ) {
        let account = account_of(holder, asset);
        let mut state = self.account(&account, position);
        state.balance += balance;
        state.reserved += reserved;
        *self.sums.entry(asset).or_default() += balance;
        self.accounts
            .entry(account)
            .or_default()
            .push((position, state));
    }

    fn change_hold(
        &mut self,
        position: Position,
        id: &str,
        remaining: Hundredths,
        status: &'static str,
    ) {
        if let Some(hold) = last_at(&self.holds, id, position).cloned() {
            let changed = Hold {
                remaining,
                status,
                ..hold
            };
            self.holds
                .entry(id.to_owned())
                .or_default()
                .push((position, changed));
        }
    }

    /// What a request must lead to in the state at a position.
    pub fn judge(
        &self,
        at: Position,
        name: &str,
        request: &Request,
        chosen: &Chosen,
    ) -> Result<Vec<Fact>, Refusal> {
        let posted = |moves: Vec<Move>, cause| Fact::Posted {
            transaction: chosen.transaction.clone(),
            moves,
            cause,
            reference: name.to_owned(),
        };
        match request {
            Request::Transfer { moves, .. } | Request::Trial { moves } => {
                self.judge_moves(at, moves)?;
                Ok(vec![posted(moves.clone(), Cause::Request)])
            }
            Request::Hold {
                source,
                asset,
                amount,
                destination,
                ..
            } => {
                self.judge_decrease(at, &account_of(source, asset), *amount)?;
                Ok(vec![Fact::Placed {
                    hold: chosen.hold.clone(),
                    source: source.clone(),
                    asset,
                    amount: *amount,
                    destination: destination.clone(),
                    reference: name.to_owned(),
                }])
            }
            Request::Capture {
                hold: id,
                amount,
                rest,
            } => {
                let hold = self.active_hold(at, id)?;
                let captured = self.judge_capture(id, hold, *amount, *rest, chosen)?;
                let moves = vec![Move {
                    source: hold.source.clone(),
                    destination: hold.destination.clone(),
                    asset: hold.asset,
                    amount: amount.unwrap_or(hold.remaining),
                }];
                Ok(vec![captured, posted(moves, Cause::Capture(id.clone()))])
            }
            Request::Void { hold: id } => {
                let hold = self.active_hold(at, id)?;
                Ok(vec![Fact::Voided {
                    hold: id.clone(),
                    source: hold.source.clone(),
                    asset: hold.asset,
                    released: hold.remaining,
                    reason: name.to_owned(),
                }])
            }
            Request::Revert { transaction } => {
                let moves = self.judge_revert(at, transaction)?;
                let marked = Fact::Reverted {
                    transaction: transaction.clone(),
                    by: chosen.transaction.clone(),
                };
                Ok(vec![
                    marked,
                    posted(moves, Cause::Revert(transaction.clone())),
                ])
            }
            Request::Balance { .. } => Ok(Vec::new()),
        }
    }

    /// What each account loses on the whole must be there.
    fn judge_moves(&self, at: Position, moves: &[Move]) -> Result<(), Refusal> {
        let mut changes: Vec<(String, Hundredths)> = Vec::new();
        let mut add = |account: String, change: Hundredths| match changes
            .iter_mut()
            .find(|(known, _)| *known == account)
        {
            Some((_, sum)) => *sum += change,
            None => changes.push((account, change)),
        };
        for one in moves {
            add(account_of(&one.source, one.asset), -one.amount);
            add(account_of(&one.destination, one.asset), one.amount);
        }
        changes
            .iter()
            .filter(|(_, change)| *change < 0)
            .try_for_each(|(account, change)| self.judge_decrease(at, account, -change))
    }

    fn judge_decrease(
        &self,
        at: Position,
        account: &str,
        required: Hundredths,
    ) -> Result<(), Refusal> {
        match self.available(account, at) {
            Some(available) if available < required => Err(Refusal::InsufficientFunds {
                account: account.to_owned(),
                available,
                required,
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn active_hold(&self, at: Position, id: &str) -> Result<&Hold, Refusal> {
        let hold = last_at(&self.holds, id, at).ok_or(Refusal::HoldNotFound)?;
        if hold.status == "active" {
            return Ok(hold);
        }
        Err(Refusal::HoldNotActive {
            status: hold.status.to_owned(),
        })
    }

    fn judge_capture(
        &self,
        id: &str,
        hold: &Hold,
        amount: Option<Hundredths>,
        rest: Rest,
        chosen: &Chosen,
    ) -> Result<Fact, Refusal> {
        let amount = amount.unwrap_or(hold.remaining);
        let left = hold.remaining - amount;
        if hold.asset == "JPY" && amount % 100 != 0 {
            return Err(Refusal::CaptureNotAnAmount);
        }
        if left < 0 {
            return Err(Refusal::CaptureExceedsHold {
                remaining: hold.remaining,
                requested: amount,
            });
        }
        let (released, remaining) = match rest {
            Rest::Released => (left, 0),
            Rest::Kept => (0, left),
        };
        Ok(Fact::Captured {
            hold: id.to_owned(),
            source: hold.source.clone(),
            asset: hold.asset,
            destination: hold.destination.clone(),
            amount,
            released,
            remaining,
            transaction: chosen.transaction.clone(),
        })
    }

    fn judge_revert(&self, at: Position, id: &str) -> Result<Vec<Move>, Refusal> {
        let known = last_at(&self.transactions, id, at).ok_or(Refusal::TransactionNotFound)?;
        if let Some(by) = &known.reverted_by {
            return Err(Refusal::AlreadyReverted { by: by.clone() });
        }
        let turned = |one: &Move| Move {
            source: one.destination.clone(),
            destination: one.source.clone(),
            ..one.clone()
        };
        let moves: Vec<Move> = known.moves.iter().map(turned).collect();
        self.judge_moves(at, &moves)?;
        Ok(moves)
    }
}
