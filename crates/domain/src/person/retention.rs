//! What stands against erasure and use: locks until a day, holds until they are released, the
//! restriction of GDPR Art. 18.

use super::Refusal;
use super::vocabulary::{ExportGround, HoldGround, OpeningGround, RefusalGround, RestrictionGround, RetentionGround};
use crate::decider::Facts;
use crate::personal::Purpose;
use crate::vocabulary::Set;
use crate::{BusinessDate, ClientKey, PrincipalId};

/// Locks, holds and the restriction of one person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retention {
    /// One for each ground.
    pub(super) locks: Vec<Lock>,
    /// Every hold that was ever set.
    pub(super) holds: Vec<Hold>,
    /// Why use is restricted, if it is.
    pub(super) restricted: Option<RestrictionGround>,
    /// Whether the person is counted in an operation of the fund: then documents are kept.
    pub(super) is_counted: bool,
    /// The locks for documents of the fund that were ended.
    pub(super) fund_over: Vec<Set<Purpose>>,
}

/// What figures of the fund are counted from: kept as long as its documents (CPR Art. 82).
const COUNTED_FROM: [Purpose; 2] = [Purpose::Statistics, Purpose::SpecialCategory];

/// A lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// Why.
    pub ground: RetentionGround,
    /// For which purposes.
    pub purposes: Set<Purpose>,
    /// First day without it.
    pub until: BusinessDate,
    pub(super) by: PrincipalId,
}

/// A hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// Its key.
    pub key: ClientKey,
    /// Why.
    pub ground: HoldGround,
    pub(super) released: bool,
}

/// Whether the person is better off if nothing is erased.
pub(super) const fn stands_against_erasure(ground: RestrictionGround) -> bool {
    matches!(ground, RestrictionGround::Unlawful | RestrictionGround::NeededForClaims)
}

impl Retention {
    /// Why nothing for these purposes may be erased on that day, and until when that is known to
    /// last. A hold concerns everything of a person and has no end, so it comes first.
    pub fn against(&self, purposes: Set<Purpose>, day: BusinessDate) -> Option<(RefusalGround, Option<BusinessDate>)> {
        if self.is_held() {
            return Some((RefusalGround::LegalHold, None));
        }
        if let Some(until) = self.locked_until(purposes, day) {
            return Some((RefusalGround::RetentionLock, Some(until)));
        }
        if self.restricted.is_some_and(stands_against_erasure) {
            return Some((RefusalGround::Restriction, None));
        }
        let is_kept = |purpose| purposes.contains(purpose) && self.is_kept_for_the_fund(purpose, day);
        COUNTED_FROM.into_iter().any(is_kept).then_some((RefusalGround::LegalDuty, None))
    }

    /// Whether the documents of the fund are not known to be of no use any more: until somebody has said how
    /// long they are kept, nobody knows.
    fn is_kept_for_the_fund(&self, purpose: Purpose, day: BusinessDate) -> bool {
        let mut fund = self.locks.iter().filter(|lock| lock.ground == RetentionGround::EsfDocuments);
        let has_come = fund.any(|lock| lock.purposes.contains(purpose) && lock.until <= day);
        self.is_counted && !has_come && !self.fund_over.iter().any(|purposes| purposes.contains(purpose))
    }

    /// The locks, one for each ground; one whose day has come no longer holds.
    pub fn locks(&self) -> &[Lock] {
        &self.locks
    }

    /// The holds that stand.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| !hold.released)
    }

    /// Why use is restricted, if it is.
    pub const fn restricted(&self) -> Option<RestrictionGround> {
        self.restricted
    }

    /// Whether a hold stands.
    pub fn is_held(&self) -> bool {
        self.holds.iter().any(|hold| !hold.released)
    }

    /// The first day without any lock on one of these purposes, if there is a lock on that day.
    pub fn locked_until(&self, purposes: Set<Purpose>, day: BusinessDate) -> Option<BusinessDate> {
        let touches = |lock: &&Lock| day < lock.until && lock.purposes.iter().any(|purpose| purposes.contains(purpose));
        self.locks.iter().filter(touches).map(|lock| lock.until).max()
    }

    /// Whether a lock has to be written; a shorter one is refused, since that would end the longer.
    pub(super) fn lock(
        &self,
        purposes: Set<Purpose>,
        until: BusinessDate,
        ground: RetentionGround,
        facts: &Facts<'_>,
    ) -> Result<bool, Refusal> {
        if purposes.is_empty() {
            return Err(Refusal::NoPurpose);
        }
        let known = self.locks.iter().find(|lock| lock.ground == ground);
        if known.is_some_and(|lock| lock.purposes == purposes && lock.until == until) {
            return Ok(false);
        }
        if until <= facts.occurred_on {
            return Err(Refusal::EndsInPast);
        }
        let kept = |lock: &Lock| lock.until <= until && lock.purposes.iter().all(|purpose| purposes.contains(purpose));
        if known.is_some_and(|lock| !kept(lock)) { Err(Refusal::LockShortened) } else { Ok(true) }
    }

    /// Whether a lock can be ended before its day by whoever asks.
    pub(super) fn end_lock(&self, ground: RetentionGround, facts: &Facts<'_>) -> Result<(), Refusal> {
        let lock = self.locks.iter().find(|lock| lock.ground == ground && facts.occurred_on < lock.until);
        let lock = lock.ok_or(Refusal::NoLock)?;
        if facts.reason.is_none() {
            return Err(Refusal::ReasonMissing);
        }
        if lock.by == facts.actor { Err(Refusal::OwnLock) } else { Ok(()) }
    }

    /// Notes the early end of a lock.
    pub(super) fn lock_ended(&mut self, ground: RetentionGround) {
        if ground == RetentionGround::EsfDocuments {
            self.fund_over.extend(self.locks.iter().filter(|lock| lock.ground == ground).map(|lock| lock.purposes));
        }
        self.locks.retain(|lock| lock.ground != ground);
    }

    /// Whether a hold has to be written.
    pub(super) fn set_hold(&self, key: ClientKey, ground: HoldGround) -> Result<bool, Refusal> {
        match self.holds.iter().find(|hold| hold.key == key) {
            None => Ok(true),
            Some(hold) if hold.ground == ground && !hold.released => Ok(false),
            Some(_) => Err(Refusal::OtherHold),
        }
    }

    /// Whether the release of a hold has to be written.
    pub(super) fn release_hold(&self, key: ClientKey, facts: &Facts<'_>) -> Result<bool, Refusal> {
        let hold = self.holds.iter().find(|hold| hold.key == key).ok_or(Refusal::NoHold)?;
        if facts.reason.is_none() { Err(Refusal::ReasonMissing) } else { Ok(!hold.released) }
    }

    /// Whether a record may be opened: under a restriction only for the person and for legal claims
    /// (GDPR Art. 18(2)).
    pub(super) fn check_opening(&self, ground: OpeningGround) -> Result<(), Refusal> {
        let allowed = matches!(ground, OpeningGround::DataSubjectRequest | OpeningGround::LegalClaims);
        if self.restricted.is_some() && !allowed { Err(Refusal::Restricted) } else { Ok(()) }
    }

    /// Whether everything may be exported: as for opening.
    pub(super) fn check_export(&self, ground: ExportGround) -> Result<(), Refusal> {
        let allowed = matches!(ground, ExportGround::DataSubjectRequest | ExportGround::LegalClaims);
        if self.restricted.is_some() && !allowed { Err(Refusal::Restricted) } else { Ok(()) }
    }
}
