//! Verifying: a checkpoint under a policy, that a log continues a remembered one, and a bundle. Nothing
//! is believed but the policy, the remembered checkpoint and the time, which the caller has from
//! elsewhere. No input makes it panic; memory stays within a few times the bundle.

use crate::bundle::{
    Bundle, BundleError, read_consistency, read_disclosures, read_hashes, read_leaves, read_open_bodies, read_positions,
};
use crate::chain::Chain;
use crate::checkpoint::Checkpoint;
use crate::container::ContainerError;
use crate::disclosure::{disclosure_digest, read_disclosure};
use crate::hash::{Hash, digest};
use crate::leaf::Leaf;
use crate::multiproof::verify_multiproof;
use crate::note::{NoteError, SignedNote, VerifierKey};
use crate::open::OpenBody;
use crate::policy::{Policy, PolicyRefusal, Quorum};
use crate::proof::verify_consistency;
use crate::report::{Outcome, Report};

/// What the verifier brings along.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Whose signatures count, and how many witnesses' are needed.
    pub policy: &'a Policy,
    /// Keys of logs that are known beside those of the policy.
    pub known: &'a [VerifierKey],
    /// What was known of the log before.
    pub remembered: Option<&'a Checkpoint>,
    /// Now, in seconds since 1970.
    pub now: u64,
    /// Seconds that the quorum's cosignatures may be old; `None` does not ask.
    pub max_age: Option<u64>,
}

/// Checks a signed checkpoint: signatures, quorum, age. What the note says is answered even if nobody
/// vouches for it, so that the rest can be checked too; then there is a finding.
pub fn verify_checkpoint(note: &[u8], terms: &Terms<'_>, report: &mut Report) -> Option<Checkpoint> {
    let note = match SignedNote::parse(note) {
        Ok(note) => note,
        Err(why) => {
            report.find(0, "checkpoint", Outcome::Invalid, why);
            return None;
        }
    };
    let accepted = terms.policy.evaluate(&note, terms.known).and_then(|evaluation| {
        let by = evaluation.signed_by.iter().map(ToString::to_string);
        report.facts.signed_by = by.collect();
        let witnesses = evaluation.cosigned_by.iter().map(|(key, time)| (key.to_string(), *time));
        report.facts.cosigned_by = witnesses.collect();
        match terms.max_age {
            Some(limit) => evaluation.require_fresh(terms.now, limit)?,
            None => evaluation.require_quorum()?,
        }
        Ok(evaluation.quorum)
    });
    match accepted {
        Ok(Quorum::NotAsked) => {
            report.skip("whether others are shown the same log: the policy asks for no witness");
            report.skip("how old the checkpoint is: no witness says it");
        }
        Ok(_) if terms.max_age.is_none() => report.skip("how old the checkpoint may be: no limit was given"),
        Ok(_) => {}
        Err(why) => report.find(0, "policy", meaning(&why), why),
    }
    let checkpoint: Checkpoint = note.unverified_text().parse().ok()?;
    report.facts.log = Some((checkpoint.origin().to_owned(), checkpoint.size(), checkpoint.root()));
    Some(checkpoint)
}

/// A false signature and a text that is no checkpoint are invalid; else somebody is only not trusted.
fn meaning(refusal: &PolicyRefusal) -> Outcome {
    match refusal {
        PolicyRefusal::Note(NoteError::NotSigned) => Outcome::Untrusted,
        PolicyRefusal::Note(_) | PolicyRefusal::Checkpoint(_) => Outcome::Invalid,
        PolicyRefusal::UnknownLog(_)
        | PolicyRefusal::Quorum(_)
        | PolicyRefusal::AgeUnknown
        | PolicyRefusal::Stale { .. }
        | PolicyRefusal::Ahead(_) => Outcome::Untrusted,
    }
}

/// Checks that the log of a checkpoint continues the remembered one. `proof` is the consistency proof
/// with the size that it begins at, if there is one; none is needed between equal sizes.
pub fn verify_growth(
    remembered: &Checkpoint,
    checkpoint: &Checkpoint,
    proof: Option<&(u64, Vec<Hash>)>,
    report: &mut Report,
) {
    let (old, new) = (remembered.size(), checkpoint.size());
    let mut find = |outcome, what: String| report.find(0, "consistency", outcome, what);
    if remembered.origin() != checkpoint.origin() {
        return find(Outcome::Inconsistent, format!("the remembered checkpoint is of `{}`", remembered.origin()));
    }
    let proof = match proof {
        _ if old == new => &[],
        _ if old > new => {
            return find(
                Outcome::Incomplete,
                format!("the checkpoint of {new} events is older than the remembered one of {old}"),
            );
        }
        Some((from, proof)) if *from == old => &proof[..],
        _ => {
            return find(
                Outcome::Incomplete,
                format!("there is no consistency proof from the remembered {old} events"),
            );
        }
    };
    match verify_consistency(old, new, proof, &remembered.root(), &checkpoint.root()) {
        Ok(()) => report.facts.continues = Some(old),
        Err(_) if old == new => {
            let what =
                format!("there are two logs of {old} events: keep both checkpoints, together they are the evidence");
            find(Outcome::Inconsistent, what);
        }
        Err(why) => {
            let what = format!("the log does not continue the remembered {old} events: {why}");
            find(Outcome::Inconsistent, what);
        }
    }
}

/// Checks an evidence bundle: level 1. Everything that can be checked is, whatever was found before.
#[must_use]
pub fn verify_bundle(bytes: &[u8], terms: &Terms<'_>) -> Report {
    let mut report = Report::default();
    match Bundle::parse(bytes) {
        Ok(bundle) => check(&bundle, terms, &mut report),
        Err(why) => {
            let is_short = matches!(why, BundleError::Missing(_) | BundleError::Container(ContainerError::Short(_)));
            report.find(0, "bundle", if is_short { Outcome::Incomplete } else { Outcome::Invalid }, why);
            report.skip("everything else");
        }
    }
    report.skip("events that are not in the bundle");
    report.skip("whether a figure follows from these events");
    report.skip_the_unprovable();
    report
}

fn check(bundle: &Bundle<'_>, terms: &Terms<'_>, report: &mut Report) {
    let checkpoint = verify_checkpoint(bundle.checkpoint, terms, report);
    let proof = bundle.consistency.map(read_consistency);
    if proof == Some(None) {
        malformed("consistency", report);
    }
    let proof = proof.flatten();
    match (&checkpoint, terms.remembered) {
        (Some(checkpoint), Some(remembered)) => verify_growth(remembered, checkpoint, proof.as_ref(), report),
        (_, None) => report.skip("whether the log continues what was known of it: no checkpoint was remembered"),
        (None, Some(_)) => {}
    }
    if let Some(leaves) = check_events(bundle, report) {
        let proof = read_hashes(bundle.multiproof);
        match (proof, &checkpoint) {
            (None, _) => malformed("multiproof.bin", report),
            (Some(proof), Some(checkpoint)) => {
                if let Err(why) = verify_multiproof(&leaves, checkpoint.size(), &proof, &checkpoint.root()) {
                    let what = format!("the events do not lead to the root of the checkpoint: {why}");
                    report.find(0, "multiproof", Outcome::Invalid, what);
                }
            }
            (Some(_), None) => {}
        }
    }
    report.facts.timestamps = bundle.timestamps.len() as u64;
    if report.facts.timestamps > 0 {
        report.skip("the timestamp replies: `openssl ts -verify` checks them against the file `checkpoint`");
    }
    if report.facts.sealed > 0 {
        report.skip("sealed data: the bundle has their digests only");
    }
}

fn malformed(file: &'static str, report: &mut Report) {
    report.find(0, "bundle", Outcome::Invalid, BundleError::Malformed(file));
}

/// Checks what can be checked of the events alone; answers index and hash of each leaf.
fn check_events(bundle: &Bundle<'_>, report: &mut Report) -> Option<Vec<(u64, Hash)>> {
    let positions = read_positions(bundle.positions).ok();
    let (leaves, bodies) = (read_leaves(bundle.leaves), read_open_bodies(bundle.open));
    let disclosures = bundle.disclosures.map_or(Some(Vec::new()), read_disclosures);
    for (file, is_right) in [
        ("positions", positions.is_some()),
        ("leaves.bin", leaves.is_some()),
        ("open.bin", bodies.is_some()),
        ("disclosures", disclosures.is_some()),
    ] {
        if !is_right {
            malformed(file, report);
        }
    }
    let (positions, leaves, bodies) = (positions?, leaves?, bodies?);
    if positions.len() != leaves.len() || positions.len() != bodies.len() {
        let (events, leaves, bodies) = (positions.len(), leaves.len(), bodies.len());
        let what = format!("there are {events} positions, {leaves} leaves and {bodies} open bodies");
        report.find(0, "bundle", Outcome::Invalid, what);
        return None;
    }
    let disclosures = disclosures.unwrap_or_default();
    let (mut chain, mut hashes, mut disclosed) =
        (Chain::of_chosen(), Vec::with_capacity(leaves.len()), &disclosures[..]);
    for ((position, bytes), body) in positions.into_iter().zip(leaves).zip(bodies) {
        let (hash, leaf) = chain.leaf(position, bytes, report);
        hashes.push((position - 1, hash));
        let Some(leaf) = leaf else { continue };
        check_open(position, &leaf, body, report);
        while let Some(((of, disclosure), behind)) = disclosed.split_first().filter(|((of, _), _)| *of <= position) {
            check_disclosure(*of, disclosure, (*of == position).then_some(&leaf), report);
            disclosed = behind;
        }
    }
    disclosed.iter().for_each(|(of, disclosure)| check_disclosure(*of, disclosure, None, report));
    Some(hashes)
}

fn check_open(position: u64, leaf: &Leaf<'_>, body: &[u8], report: &mut Report) {
    if digest(body) != leaf.draft.open {
        report.find(position, "open body", Outcome::Invalid, "its digest is not the one in the leaf");
    } else if let Some(why) = str::from_utf8(body)
        .map_or(Some("it is not UTF-8".to_owned()), |body| OpenBody::parse(body).err().map(|why| why.to_string()))
    {
        report.find(position, "open body", Outcome::Invalid, why);
    }
}

fn check_disclosure(position: u64, disclosure: &str, leaf: Option<&Leaf<'_>>, report: &mut Report) {
    let digest = disclosure_digest(disclosure);
    if !leaf.is_some_and(|leaf| leaf.draft.sd.contains(&digest)) {
        report.find(position, "disclosure", Outcome::Invalid, "the event does not commit to it");
    } else if read_disclosure(disclosure).is_none() {
        report.find(position, "disclosure", Outcome::Invalid, "it is not one of an attribute");
    } else {
        report.facts.disclosures += 1;
    }
}
