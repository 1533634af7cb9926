//! An assignment of a member of staff with its shares over time.

use super::{Event, Function, Workplace};
use crate::{BusinessDate, ClientKey, Fte, Period, Place};

/// An assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// As assigned, to recognise a repetition.
    pub(super) assigned: Event,
    /// Its key.
    pub key: ClientKey,
    /// What the person does.
    pub function: Function,
    /// Where.
    pub workplace: Workplace,
    /// Where it belongs, with the provider.
    pub place: Place,
    /// First day.
    pub from: BusinessDate,
    /// First day without it. Not after `from` if it never began.
    pub to: BusinessDate,
    /// Shares with their first days, in order; the first begins with the assignment.
    pub(super) shares: Vec<(BusinessDate, Fte)>,
}

impl Assignment {
    /// Whether it holds on that day.
    pub fn active_on(&self, day: BusinessDate) -> bool {
        self.from <= day && day < self.to
    }

    /// The share of that day in thousandths; 0 outside of the assignment.
    pub fn fte_on(&self, day: BusinessDate) -> u32 {
        let last = self.shares.iter().rev().find(|(from, _)| *from <= day);
        last.filter(|_| self.active_on(day)).map_or(0, |(_, fte)| fte.get())
    }

    /// The shares with their days, in order.
    pub fn shares(&self) -> impl Iterator<Item = (Period, Fte)> {
        let ends = self.shares.iter().skip(1).map(|(from, _)| *from).chain([self.to]);
        self.shares
            .iter()
            .zip(ends)
            .filter_map(|((from, fte), next)| Some((Period::new(*from, next.min(self.to)).ok()?, *fte)))
    }

    /// The assignment with another share from a day to its end.
    pub(super) fn with(&self, fte: Fte, from: BusinessDate) -> Self {
        let mut changed = self.clone();
        changed.shares.retain(|(since, _)| *since < from);
        changed.shares.push((from, fte));
        changed
    }
}
