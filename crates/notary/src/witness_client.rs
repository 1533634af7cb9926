//! Asks one witness to cosign a checkpoint (C2SP tlog-witness), from the size that the witness has
//! cosigned last; if that was another one than was believed, once more from the one that it says.

use std::sync::atomic::{AtomicU64, Ordering};

use sfs_ledger::{NoteSignature, SignedNote, WitnessKey};

use crate::add_checkpoint::{AddCheckpoint, plain_number};
use crate::outbound::{Answer, NoAnswer, Outbound};
use crate::tiles::{Tiles, TilesError};

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// It did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// It answers with a status that says nothing of the log.
    #[error("the witness answers with the status {0}")]
    Status(u16),
    /// What it answers is none of what it may answer, or holds no cosignature of its key.
    #[error("the witness answers without a cosignature of its key")]
    Malformed,
    /// It knows a larger log: ours was restored or cut.
    #[error("the witness has cosigned {theirs} events, but the log has {ours}: it was restored from a backup or cut")]
    Ahead {
        /// Size of our checkpoint.
        ours: u64,
        /// Size that it has cosigned.
        theirs: u64,
    },
    /// It knows another log of this size or before it: ours was changed.
    #[error("the witness has cosigned other events than the log has: the log was changed or is another one")]
    Fork,
    /// There is no proof for it.
    #[error("there is no proof for the witness")]
    Proof(#[from] TilesError),
}

impl AskError {
    /// Whether the witness contradicts the log, rather than being unreachable or broken.
    pub(crate) fn is_dispute(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Fork)
    }

    /// For the metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => "no-answer",
            Self::Status(_) => "status",
            Self::Malformed => "malformed",
            Self::Ahead { .. } => "ahead",
            Self::Fork => "fork",
            Self::Proof(_) => "no-proof",
        }
    }
}

/// A witness with the address of its service.
#[derive(Debug)]
pub(crate) struct WitnessClient {
    pub(crate) key: WitnessKey,
    url: String,
    outbound: Outbound,
    /// Size that it is believed to have cosigned last.
    known: AtomicU64,
}

impl WitnessClient {
    /// The witness with this key at that submission prefix.
    pub(crate) fn new(key: &WitnessKey, prefix: &str, outbound: &Outbound) -> Self {
        let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        Self { key: key.clone(), url, outbound: outbound.clone(), known: AtomicU64::new(0) }
    }

    /// Has the checkpoint of that size, which the note is of, cosigned.
    pub(crate) async fn cosign(&self, note: &SignedNote, size: u64, tiles: &Tiles) -> Result<NoteSignature, AskError> {
        let mut old = self.known.load(Ordering::Acquire).min(size);
        let mut answer = self.ask(note, old, size, tiles).await?;
        if answer.status == 409 {
            old = told_size(&answer, old, size)?;
            answer = self.ask(note, old, size, tiles).await?;
        }
        match answer.status {
            200 => {}
            // Somebody else has asked meanwhile, perhaps another node of ours.
            409 => return Err(told_size(&answer, old, size).map_or_else(|why| why, |_| AskError::Status(409))),
            422 => return Err(AskError::Fork),
            status => return Err(AskError::Status(status)),
        }
        let text = str::from_utf8(&answer.body).map_err(|_| AskError::Malformed)?;
        // Lines of other keys are none of our business.
        let cosigned = text
            .split('\n')
            .filter_map(NoteSignature::parse)
            .find(|line| self.key.cosigned(note.unverified_text(), line).is_some());
        let cosignature = cosigned.ok_or(AskError::Malformed)?;
        self.known.store(size, Ordering::Release);
        Ok(cosignature)
    }

    async fn ask(&self, note: &SignedNote, old: u64, size: u64, tiles: &Tiles) -> Result<Answer, AskError> {
        let proof = tiles.consistency(old, size).await?;
        let request = AddCheckpoint { old, proof, note: note.clone() }.to_string();
        Ok(self.outbound.post(self.url.clone(), "text/plain; charset=utf-8", request.into_bytes()).await?)
    }
}

/// The size that the witness has cosigned last, from a 409 to a request from size `old`.
fn told_size(answer: &Answer, old: u64, size: u64) -> Result<u64, AskError> {
    let told = str::from_utf8(&answer.body).ok().and_then(|text| plain_number(text.strip_suffix('\n')?));
    match told.ok_or(AskError::Malformed)? {
        theirs if theirs > size => Err(AskError::Ahead { ours: size, theirs }),
        // It is where we asked from, so that it must have seen another log.
        theirs if theirs == old => Err(AskError::Fork),
        theirs => Ok(theirs),
    }
}

#[cfg(test)]
mod tests;
