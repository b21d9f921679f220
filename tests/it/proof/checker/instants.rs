//! Which instants of the log an attempt can have taken place at.
//!
//! An instant is a position: the state after that event and before the next. What was answered
//! before a call puts a floor under it, what was called after its answer a ceiling over it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::proof::history::Position;

pub struct Instants {
    /// Times of calls with the last instant before what they or any later call wrote.
    ceilings: Vec<(u64, Position)>,
    end: Position,
    /// Answers, earliest first, whose time has not come.
    answers: BinaryHeap<Reverse<(u64, Position)>>,
    floor: Position,
}

impl Instants {
    /// `calls` are those that wrote, in order of time, with the last instant before what they wrote.
    pub fn new(
        calls: impl Iterator<Item = (u64, Position)>,
        end: Position,
        floor: Position,
    ) -> Self {
        let mut ceilings: Vec<(u64, Position)> = calls.collect();
        let mut least = end;
        for (_, ceiling) in ceilings.iter_mut().rev() {
            least = least.min(*ceiling);
            *ceiling = least;
        }
        Self {
            ceilings,
            end,
            answers: BinaryHeap::new(),
            floor,
        }
    }

    /// The earliest instant that is not before any answer given before this call. To be asked in
    /// order of time.
    pub fn floor(&mut self, invoked: u64) -> Position {
        while let Some(Reverse((time, instant))) = self.answers.peek()
            && *time < invoked
        {
            self.floor = self.floor.max(*instant);
            self.answers.pop();
        }
        self.floor
    }

    /// The latest instant before anything written by a call made after this answer.
    pub fn ceiling(&self, completed: u64) -> Position {
        let later = self
            .ceilings
            .partition_point(|(invoked, _)| *invoked <= completed);
        self.ceilings
            .get(later)
            .map_or(self.end, |(_, ceiling)| *ceiling)
    }

    /// An answer was given at this time and is right at this instant.
    pub fn answered(&mut self, completed: u64, instant: Position) {
        self.answers.push(Reverse((completed, instant)));
    }
}
