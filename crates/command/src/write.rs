//! From decided events to what the log takes: open bodies, leaves, tags.

use std::sync::Arc;

use sfs_domain::decider::Fact;
use sfs_domain::{Event, Grant, Place, Scope, authority};
use sfs_eventlog::{NewEvent, SealedSlot, tags};
use sfs_ledger::{Hash, LEAF_FORMAT, LeafDraft, OpenBody, SealedRef, digest, write_open};

use crate::ids::{Entropy, event_id};
use crate::request::{Asked, CommandError};
use crate::sealing::SealedParts;

/// A decided event, for the fold.
pub struct Decision {
    /// The event.
    pub event: Event,
    /// What its envelope tells the fold.
    pub fact: Fact,
    /// Stored type.
    pub event_type: Arc<str>,
}

/// What stands around the events of one decision.
pub struct Around<'a> {
    /// What allows it.
    pub grant: &'a Grant,
    /// The stream that it writes.
    pub stream: &'a str,
    /// Where the facts belong.
    pub place: &'a Place,
    /// Their business date.
    pub occurred_on: sfs_domain::BusinessDate,
}

/// Writes the decided events down: for the log, and for the fold. What was sealed goes with the first.
pub fn write(
    asked: Asked<'_>,
    Around { grant, stream, place, occurred_on }: Around<'_>,
    events: Vec<Event>,
    mut parts: SealedParts,
    entropy: &dyn Entropy,
) -> Result<(Vec<NewEvent>, Vec<Decision>), CommandError> {
    let request = asked.request;
    let actor = asked.caller.principal.to_string();
    let rule = authority::rule_name(request.entry, grant);
    let org = match &grant.scope {
        Scope::Provider(provider) => Some(provider.as_str().into()),
        Scope::State {} | Scope::District(_) | Scope::School(_) => None,
    };
    let reason = request.reason.map(sfs_domain::Reason::code);
    let evidence = request
        .evidence
        .iter()
        .map(|document| Hash::from_b64(document.as_str()))
        .collect::<Result<Vec<Hash>, _>>()
        .map_err(|why| CommandError::Encode(why.to_string()))?;
    let day = occurred_on.to_string();
    let encode = |why: &dyn std::fmt::Display| CommandError::Encode(why.to_string());
    let (mut new, mut decided) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    for (n, event) in (0..).zip(events) {
        let encoded = event.encode().map_err(|why| encode(&why))?;
        let id = event_id(request.command_id, n);
        let mut open = Vec::with_capacity(encoded.data.len() + 256);
        let body = OpenBody {
            occurred_on: day.as_str().into(),
            ags: place.ags.as_str().into(),
            provider: place.provider.as_ref().map(|provider| provider.as_str().into()),
            operation: None,
            school: place.school.as_ref().map(|school| school.as_str().into()),
            reason: reason.map(Into::into),
            corrects: event.corrects().map(|event| event.0),
            evidence: evidence.clone(),
            data: &encoded.data,
            salt: entropy.bytes(),
        };
        write_open(&body, &mut open).map_err(|why| encode(&why))?;
        let parts = std::mem::take(&mut parts);
        let sealed = parts.slots;
        let draft = LeafDraft {
            v: LEAF_FORMAT,
            id: id.0,
            stream: stream.into(),
            event_type: encoded.event_type.as_str().into(),
            actor: actor.as_str().into(),
            role: grant.role.code().into(),
            org: org.clone(),
            rule: rule.as_str().into(),
            cmd: request.command_id,
            corr: request.correlation,
            cause: request.causation,
            by: concat!("sfs/", env!("CARGO_PKG_VERSION")).into(),
            open: digest(&open),
            sealed: sealed.iter().map(reference).collect(),
            sd: parts.commitments,
        };
        let leaf = draft.prepare().map_err(|why| encode(&why))?;
        let open = String::from_utf8(open).map_err(|why| encode(&why))?;
        let event_type: Arc<str> = encoded.event_type.into();
        new.push(NewEvent {
            leaf,
            event_type: Arc::clone(&event_type),
            open,
            tags: event_tags(&event_type, event.category().name(), &actor, place),
            sealed: sealed
                .into_iter()
                .map(|slot| SealedSlot { digest: slot.digest.into(), bytes: slot.bytes })
                .collect(),
        });
        decided.push(Decision {
            event,
            fact: Fact { id, occurred_on, place: place.clone(), actor: asked.caller.principal },
            event_type,
        });
    }
    Ok((new, decided))
}

/// What the leaf says of a sealed slot.
fn reference(slot: &sfs_vault::Sealed) -> SealedRef<'static> {
    SealedRef { a: sfs_vault::ALGORITHM.into(), k: slot.key.to_string().into(), h: slot.digest.into() }
}

/// What an event can be found by. `sfs verify` recomputes these from leaf and open body.
pub fn event_tags(event_type: &str, category: &str, actor: &str, place: &Place) -> Vec<Arc<str>> {
    let mut all =
        vec![tags::event_type(event_type), tags::category(category), tags::actor(actor), tags::district(&place.ags)];
    all.extend(place.provider.as_ref().map(tags::provider));
    all.extend(place.school.as_ref().map(tags::school));
    all
}
