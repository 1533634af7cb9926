//! Erasure: asked for, refused or approved by two, begun, carried out by the destruction of keys.
//!
//! A lock or a hold that is set after the approvals stops the erasure but does not end the request:
//! it goes on by itself when nothing stands against it any more. What has begun is not stopped: the
//! log says so before the first key is destroyed, and takes nothing from then on that would come too late.

use super::retention::stands_against_erasure;
use super::vocabulary::{ErasureGround, RefusalGround};
use super::{Event, Refusal, Retention};
use crate::decider::Facts;
use crate::personal::Purpose;
use crate::vocabulary::Set;
use crate::{BusinessDate, EventId, PersonId, PrincipalId};

/// How many must approve.
const APPROVERS: usize = 2;

/// The requests of one person, and what has been erased.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Erasure {
    pub(super) requests: Vec<Request>,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The event that asked.
    pub id: EventId,
    /// Why.
    pub ground: ErasureGround,
    /// What is to be erased.
    pub purposes: Set<Purpose>,
    pub(super) on: BusinessDate,
    pub(super) by: PrincipalId,
    pub(super) approvers: Vec<PrincipalId>,
    pub(super) begun: bool,
    /// The event that ended it: refused or erased.
    pub(super) ended: Option<Event>,
}

impl Request {
    /// How many have approved it.
    pub fn approvals(&self) -> usize {
        self.approvers.len()
    }

    /// The event that ended it: refused or erased.
    pub const fn ended(&self) -> Option<&Event> {
        self.ended.as_ref()
    }

    /// Whether two have approved it.
    pub fn is_approved(&self) -> bool {
        self.approvers.len() >= APPROVERS
    }

    /// Whether the destruction of the keys has begun, or is over.
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the keys are being destroyed now.
    const fn is_under_way(&self) -> bool {
        self.begun && self.ended.is_none()
    }
}

impl Erasure {
    /// The requests, oldest first.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Whether the keys for that purpose are destroyed.
    pub fn is_erased(&self, purpose: Purpose) -> bool {
        let erased = |request: &Request| matches!(request.ended, Some(Event::Erased { .. }));
        self.requests.iter().any(|request| erased(request) && request.purposes.contains(purpose))
    }

    /// Whether nothing is sealed any more for that purpose: its keys are destroyed, or that has begun.
    pub fn is_closed(&self, purpose: Purpose) -> bool {
        self.requests.iter().any(|request| request.begun && request.purposes.contains(purpose))
    }

    /// Whether anything has been erased, or that has begun.
    pub fn has_begun(&self) -> bool {
        self.requests.iter().any(Request::has_begun)
    }

    /// Whether keys for any of these purposes are being destroyed now.
    pub(super) fn is_under_way(&self, purposes: Set<Purpose>) -> bool {
        let touches = |request: &Request| request.purposes.iter().any(|purpose| purposes.contains(purpose));
        self.requests.iter().any(|request| request.is_under_way() && touches(request))
    }

    /// Whether any keys are being destroyed now.
    pub(super) fn is_any_under_way(&self) -> bool {
        self.requests.iter().any(Request::is_under_way)
    }

    /// Whether something was approved or has begun, and is not carried out.
    pub fn has_approved(&self) -> bool {
        self.requests.iter().any(|request| request.ended.is_none() && request.is_approved())
    }

    /// Whether a request is not yet decided or carried out.
    pub fn is_requested(&self) -> bool {
        self.requests.iter().any(|request| request.ended.is_none())
    }

    /// What is to be carried out now: it has begun, or two have approved it and nothing stands against it
    /// on that day.
    pub fn pending(&self, retention: &Retention, today: BusinessDate) -> impl Iterator<Item = &Request> {
        let stopped = move |request: &Request| retention.against(request.purposes, today).is_some();
        self.requests.iter().filter(move |request| {
            request.is_under_way() || request.ended.is_none() && request.is_approved() && !stopped(request)
        })
    }

    /// The request with that event.
    fn request(&self, id: EventId) -> Result<&Request, Refusal> {
        self.requests.iter().find(|request| request.id == id).ok_or(Refusal::UnknownRequest)
    }

    /// The events of asking for erasure: the request, and the refusal if something stands against it.
    pub(super) fn ask(
        &self,
        person: PersonId,
        ground: ErasureGround,
        purposes: Set<Purpose>,
        retention: &Retention,
        facts: &Facts<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        if purposes.is_empty() {
            return Err(Refusal::NoPurpose);
        }
        // The same again on one day is a retry; on another day somebody asks anew.
        let same = |request: &&Request| request.ground == ground && request.purposes == purposes;
        let same = self.requests.iter().rev().find(same);
        if same.is_some_and(|request| request.ended.is_none() || request.on == facts.occurred_on) {
            return Ok(Vec::new());
        }
        if purposes.iter().any(|purpose| self.is_erased(purpose)) {
            return Err(Refusal::AlreadyErased);
        }
        let touches = |request: &Request| request.purposes.iter().any(|purpose| purposes.contains(purpose));
        if self.requests.iter().any(|request| request.ended.is_none() && touches(request)) {
            return Err(Refusal::RequestPending);
        }
        let mut events = vec![Event::ErasureRequested { person, ground, purposes }];
        if let Some((ground, until)) = retention.against(purposes, facts.today) {
            events.push(Event::ErasureRefused { person, request: facts.event_id, ground, until });
        }
        Ok(events)
    }

    /// The event of refusing a request; a lock or a hold is named only where one stands.
    pub(super) fn refuse(
        &self,
        person: PersonId,
        request: EventId,
        ground: RefusalGround,
        until: Option<BusinessDate>,
        retention: &Retention,
        facts: &Facts<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self.request(request)?;
        let refused = Event::ErasureRefused { person, request, ground, until };
        match &known.ended {
            Some(ended) if *ended == refused => return Ok(Vec::new()),
            Some(_) => return Err(Refusal::NotPending),
            None if known.begun => return Err(Refusal::ErasureBegun),
            None => {}
        }
        if until.is_some_and(|until| until <= facts.occurred_on) {
            return Err(Refusal::EndsInPast);
        }
        let stands = match ground {
            RefusalGround::RetentionLock => retention.locked_until(known.purposes, facts.today).is_some(),
            RefusalGround::LegalHold => retention.is_held(),
            RefusalGround::Restriction => retention.restricted.is_some_and(stands_against_erasure),
            _ => true,
        };
        if stands { Ok(vec![refused]) } else { Err(Refusal::NothingStandsAgainst) }
    }

    /// The event of approving a request.
    pub(super) fn approve(
        &self,
        person: PersonId,
        request: EventId,
        retention: &Retention,
        facts: &Facts<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self.request(request)?;
        if known.by == facts.actor {
            return Err(Refusal::OwnRequest);
        }
        if known.approvers.contains(&facts.actor) {
            return Ok(Vec::new());
        }
        if known.ended.is_some() || known.is_approved() {
            return Err(Refusal::NotPending);
        }
        if retention.against(known.purposes, facts.today).is_some() {
            return Err(Refusal::Kept);
        }
        Ok(vec![Event::ErasureApproved { person, request }])
    }

    /// The event of beginning: two have approved it, and nothing stands against it.
    pub(super) fn begin(
        &self,
        person: PersonId,
        request: EventId,
        retention: &Retention,
        facts: &Facts<'_>,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self.request(request)?;
        if known.begun {
            return Ok(Vec::new());
        }
        if known.ended.is_some() {
            return Err(Refusal::NotPending);
        }
        if !known.is_approved() {
            return Err(Refusal::NotApproved);
        }
        if retention.against(known.purposes, facts.today).is_some() {
            return Err(Refusal::Kept);
        }
        Ok(vec![Event::ErasureBegun { person, request }])
    }

    /// Whether the erasure that the event tells of has begun; `false` if it is known already. The keys are
    /// destroyed by then, so nothing else is asked.
    pub(super) fn record(&self, erased: &Event) -> Result<bool, Refusal> {
        let Event::Erased { request, purposes, .. } = erased else { return Err(Refusal::UnknownRequest) };
        let known = self.request(*request)?;
        if known.ended.as_ref() == Some(erased) {
            return Ok(false);
        }
        if known.ended.is_some() {
            return Err(Refusal::NotPending);
        }
        if !known.begun {
            return Err(Refusal::NotBegun);
        }
        if *purposes != known.purposes {
            return Err(Refusal::OtherPurposes);
        }
        Ok(true)
    }

    /// Notes an approval.
    pub(super) fn approved(&mut self, id: EventId, by: PrincipalId) {
        if let Some(request) = self.requests.iter_mut().find(|request| request.id == id) {
            request.approvers.push(by);
        }
    }

    /// Notes the beginning.
    pub(super) fn begun(&mut self, id: EventId) {
        if let Some(request) = self.requests.iter_mut().find(|request| request.id == id) {
            request.begun = true;
        }
    }

    /// Notes the end of a request.
    pub(super) fn ended(&mut self, id: EventId, event: &Event) {
        if let Some(request) = self.requests.iter_mut().find(|request| request.id == id) {
            request.begun |= matches!(event, Event::Erased { .. });
            request.ended = Some(event.clone());
        }
    }
}
