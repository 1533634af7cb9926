//! Opaque texts that clients carry back: consistency tokens and cursors, each with a MAC under the
//! installation's secret, so that nobody makes one up; and the command id behind an idempotency key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sfs_domain::PrincipalId;
use sfs_ops::{Ops, Secret};
use sha2::Sha256;
use uuid::{Builder, Uuid};

/// Bytes of a MAC that a token carries.
const MAC_BYTES: usize = 16;

/// The keyed functions, ready to use.
#[derive(Clone)]
pub struct Tokens {
    token: Hmac<Sha256>,
    idempotency: Hmac<Sha256>,
    origin: String,
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so this cannot fail.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

impl Tokens {
    /// The functions of an installation and its log.
    pub fn new(ops: &Ops, origin: &str) -> Self {
        Self {
            token: keyed(&ops.secret(Secret::Token)),
            idempotency: keyed(&ops.secret(Secret::IdempotencyKey)),
            origin: origin.to_owned(),
        }
    }

    fn mac(&self, purpose: &str, context: &[&str], value: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.token.clone();
        for part in [purpose, &self.origin].iter().chain(context) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(value);
        mac
    }

    fn seal(&self, purpose: &str, context: &[&str], value: &[u8]) -> String {
        let tag = self.mac(purpose, context, value).finalize().into_bytes();
        let mut bytes = Vec::with_capacity(MAC_BYTES + value.len());
        bytes.extend_from_slice(&tag[..MAC_BYTES]);
        bytes.extend_from_slice(value);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, purpose: &str, context: &[&str], text: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, value) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(purpose, context, value).verify_truncated_left(tag).ok()?;
        Some(value.to_vec())
    }

    /// The token of a position: whoever has seen it has seen everything up to there.
    pub fn consistency(&self, position: u64) -> String {
        self.seal("consistency", &[], &position.to_be_bytes())
    }

    /// The position of a token of this log.
    pub fn position(&self, token: &str) -> Option<u64> {
        let bytes = self.open("consistency", &[], token)?;
        bytes.try_into().ok().map(u64::from_be_bytes)
    }

    /// A cursor: where the next page of this query begins.
    pub fn cursor(&self, query: &str, place: &str) -> String {
        self.seal("cursor", &[query], place.as_bytes())
    }

    /// Where a cursor of this very query points.
    pub fn place(&self, query: &str, cursor: &str) -> Option<String> {
        self.open("cursor", &[query], cursor).and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// The command id behind a client's key (UUID version 8): the key itself is kept nowhere.
    pub fn command_id(&self, principal: PrincipalId, key: &str, line: Option<u64>) -> Uuid {
        let mut mac = self.idempotency.clone();
        mac.update(principal.0.as_bytes());
        mac.update(&(key.len() as u64).to_le_bytes());
        mac.update(key.as_bytes());
        if let Some(line) = line {
            mac.update(&line.to_le_bytes());
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(origin: &str) -> Tokens {
        Tokens { token: keyed(&[1; 32]), idempotency: keyed(&[2; 32]), origin: origin.into() }
    }

    #[test]
    fn a_token_is_read_by_the_log_that_gave_it_and_by_no_other() {
        let token = tokens("here").consistency(17);
        assert_eq!(tokens("here").position(&token), Some(17));
        assert_eq!(tokens("there").position(&token), None);
        for place in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            let read = tokens("here").position(&String::from_utf8(other).unwrap());
            assert_eq!(read, None, "changed at {place}");
        }
        assert_eq!(tokens("here").position(""), None);
        assert_eq!(tokens("here").position("ä"), None);
    }

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let cursor = tokens("here").cursor("/v1/schools?district=15083", "S17");
        assert_eq!(tokens("here").place("/v1/schools?district=15083", &cursor).as_deref(), Some("S17"));
        assert_eq!(tokens("here").place("/v1/schools", &cursor), None);
        assert_eq!(tokens("here").position(&cursor), None);
    }

    #[test]
    fn a_command_id_hangs_on_principal_key_and_line() {
        let id =
            |principal, key: &str, line| tokens("here").command_id(PrincipalId(Uuid::from_u128(principal)), key, line);
        let all = [id(1, "a", None), id(2, "a", None), id(1, "b", None), id(1, "a", Some(1)), id(1, "a", Some(2))];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(id(1, "a", Some(2)), all[4]);
        assert!(all.iter().all(|id| id.get_version_num() == 8));
    }
}
