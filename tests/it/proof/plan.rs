//! What each client asks, in order: fixed by the seed alone, whatever the answers are.
//!
//! So that clients meet on the same holds and transactions without knowing of each other's
//! answers, the ids of holds and transactions are chosen here: by seed, client and number.

use uuid::Uuid;

use super::dice::Dice;
use super::history::{Hundredths, Move, Operation, Request, Rest};
use super::log::ASSETS;

/// How a client makes its commands safe to repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Every command has an `Idempotency-Key`.
    Keys,
    /// What it creates has an id of its choice, which is the key; the rest has a header.
    Ids,
    /// Nothing: an unknown outcome stays unknown.
    Careless,
}

/// One operation, and how it is to be sent.
pub struct Planned {
    pub operation: Operation,
    /// The nodes to try, in this order, over and over.
    pub first_node: usize,
    /// Whether it is sent to two nodes at once.
    pub twice: bool,
}

/// The endless plan of one client.
pub struct Plan {
    seed: u64,
    client: usize,
    clients: usize,
    nodes: usize,
    habit: Habit,
    wallets: Vec<String>,
    dice: Dice,
    number: usize,
    holds: usize,
    transfers: usize,
}

impl Plan {
    pub fn new(seed: u64, client: usize, clients: usize, nodes: usize, wallets: &[String]) -> Self {
        Self {
            seed,
            client,
            clients,
            nodes,
            habit: match client % 4 {
                0 | 1 => Habit::Keys,
                2 => Habit::Ids,
                _ => Habit::Careless,
            },
            wallets: wallets.to_vec(),
            dice: Dice::of(seed, &format!("client {client}")),
            number: 0,
            holds: 0,
            transfers: 0,
        }
    }

    /// The next operation.
    pub fn advance(&mut self) -> Planned {
        self.number += 1;
        let name = format!("c{}-{}", self.client, self.number);
        let request = self.request();
        let creates = matches!(
            request,
            Request::Transfer { id: Some(_), .. } | Request::Hold { id: Some(_), .. }
        );
        let writes = !matches!(request, Request::Trial { .. } | Request::Balance { .. });
        let keyed = match self.habit {
            Habit::Keys => writes,
            Habit::Ids => writes && !creates,
            Habit::Careless => false,
        };
        let operation = Operation {
            key: keyed.then(|| format!("{:x}-{name}", self.seed)),
            name,
            client: self.client,
            request,
            attempts: Vec::new(),
        };
        Planned {
            first_node: self.dice.below(self.nodes),
            twice: self.dice.percent(12) && operation.may_be_repeated(),
            operation,
        }
    }

    fn request(&mut self) -> Request {
        match self.dice.below(100) {
            0..38 => self.transfer(),
            38..54 => self.hold(),
            54..66 => {
                let amounts = [None, Some(self.amount("INR")), Some(self.amount("INR"))];
                Request::Capture {
                    hold: self.some_id("hold", self.holds),
                    amount: *self.dice.pick(&amounts),
                    rest: *self.dice.pick(&[Rest::Kept, Rest::Released]),
                }
            }
            66..71 => Request::Void {
                hold: self.some_id("hold", self.holds),
            },
            71..79 => Request::Revert {
                transaction: self.some_id("transfer", self.transfers),
            },
            79..84 => Request::Trial {
                moves: self.moves(),
            },
            _ => Request::Balance {
                holder: self.dice.pick(&self.wallets).clone(),
                asset: ASSETS[self.dice.below(ASSETS.len())],
                fresh: self.dice.percent(70),
            },
        }
    }

    fn transfer(&mut self) -> Request {
        let moves = self.moves();
        let id = self.own_id("transfer", self.transfers);
        self.transfers += usize::from(id.is_some());
        Request::Transfer { id, moves }
    }

    fn hold(&mut self) -> Request {
        let [source, destination] = self.two_wallets();
        let asset = *self.dice.pick(&ASSETS);
        let destination = match self.dice.percent(50) {
            true => "system:fees".to_owned(),
            false => destination,
        };
        let id = self.own_id("hold", self.holds);
        self.holds += usize::from(id.is_some());
        Request::Hold {
            id,
            source,
            asset,
            amount: self.amount(asset),
            destination,
        }
    }

    /// Mostly one movement between wallets, sometimes money in or out, sometimes several at once.
    fn moves(&mut self) -> Vec<Move> {
        let count = *self.dice.pick(&[1, 1, 1, 2, 3]);
        (0..count).map(|_| self.one_move()).collect()
    }

    fn one_move(&mut self) -> Move {
        let [source, destination] = self.two_wallets();
        let cash = || "system:cash".to_owned();
        let (source, destination) = match self.dice.below(10) {
            0..3 => (cash(), destination),
            3 => (source, cash()),
            _ => (source, destination),
        };
        let asset = *self.dice.pick(&ASSETS);
        let amount = self.amount(asset);
        Move {
            source,
            destination,
            asset,
            amount,
        }
    }

    fn two_wallets(&mut self) -> [String; 2] {
        let first = self.dice.below(self.wallets.len());
        let second = (first + self.dice.between(1, self.wallets.len() - 1)) % self.wallets.len();
        [first, second].map(|index| self.wallets[index].clone())
    }

    /// Yen have no decimals.
    fn amount(&mut self, asset: &str) -> Hundredths {
        let step = if asset == "JPY" { 100 } else { 25 };
        let steps = i64::try_from(self.dice.between(1, 5_000 / step)).unwrap();
        steps * i64::try_from(step).unwrap()
    }

    fn own_id(&self, kind: &str, number: usize) -> Option<String> {
        match self.habit {
            Habit::Careless => None,
            Habit::Keys | Habit::Ids => Some(self.id(kind, self.client, number)),
        }
    }

    /// A hold or transaction of any client with ids: probably there by now, probably not long.
    fn some_id(&mut self, kind: &str, own: usize) -> String {
        let client = self.dice.below(self.clients);
        let client = if client % 4 == 3 { client - 1 } else { client };
        // A careless client begins nothing that has a number, and guesses by its own pace.
        let pace = match (self.habit, kind) {
            (Habit::Careless, "hold") => self.number * 16 / 100,
            (Habit::Careless, _) => self.number * 38 / 100,
            (Habit::Keys | Habit::Ids, _) => own,
        };
        let back = self.dice.below(4);
        self.id(kind, client, pace.saturating_sub(back))
    }

    fn id(&self, kind: &str, client: usize, number: usize) -> String {
        let name = format!("{:x} {kind} {client} {number}", self.seed);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
    }
}
