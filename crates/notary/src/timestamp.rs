//! Trusted time (RFC 3161): an authority is sent the SHA-256 of a checkpoint's note and answers with a
//! token that says when it has seen it. The token's signature is checked by those who do not trust us,
//! with `openssl ts -verify`; here only that it is a token and of these bytes.

use cmpv2::status::PkiStatus;
use cms::cert::x509::spki::AlgorithmIdentifier;
use cms::content_info::ContentInfo;
use cms::signed_data::EncapsulatedContentInfo;
use der::asn1::{AnyRef, Null, ObjectIdentifier, OctetString};
use der::{Any, Decode as _, Encode as _, Reader as _};
use sfs_ledger::digest;
use x509_tsp::{MessageImprint, TimeStampReq, TimeStampResp, TspVersion, TstInfo};

use crate::outbound::{NoAnswer, Outbound};

/// Media type of a request.
const QUERY: &str = "application/timestamp-query";

/// SHA-256 (RFC 5754).
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// `id-signedData` (RFC 5652).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// `id-ct-TSTInfo` (RFC 3161 §2.4.2).
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// Why there is no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum TimestampError {
    /// The authority did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// It answers with an HTTP status that is not 200.
    #[error("the timestamp authority answers with the status {0}")]
    Http(u16),
    /// It has not granted the timestamp (`PKIStatus` of RFC 3161 §2.4.2).
    #[error("the timestamp authority refuses with the status {0}")]
    Refused(u8),
    /// The bytes are no reply or hold no token.
    #[error("the reply of the timestamp authority cannot be read")]
    Malformed(#[from] der::Error),
    /// The reply is of other bytes than were sent.
    #[error("the timestamp is of other bytes")]
    OtherBytes,
}

/// The request for a timestamp of these bytes, with the authority's certificate in the reply.
pub(crate) fn timestamp_query(bytes: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let hash_algorithm = AlgorithmIdentifier { oid: SHA_256, parameters: Some(Any::from(Null)) };
    let hashed_message = OctetString::new(digest(bytes).as_bytes().to_vec())?;
    let query = TimeStampReq {
        version: TspVersion::V1,
        message_imprint: MessageImprint { hash_algorithm, hashed_message },
        req_policy: None,
        // An old reply for the same bytes would be as true as a new one.
        nonce: None,
        cert_req: true,
        extensions: None,
    };
    Ok(query.to_der()?)
}

/// Checks that the reply grants a timestamp of these bytes, and says of when, in seconds since 1970.
pub fn check_timestamp(reply: &[u8], bytes: &[u8]) -> Result<u64, TimestampError> {
    let reply = TimeStampResp::from_der(reply)?;
    if !matches!(reply.status.status, PkiStatus::Accepted | PkiStatus::GrantedWithMods) {
        return Err(TimestampError::Refused(reply.status.status as u8));
    }
    let token = reply.time_stamp_token.ok_or(lacking(der::ErrorKind::Failed))?;
    let info = TstInfo::from_der(&signed_content(&token)?)?;
    let imprint = &info.message_imprint;
    if imprint.hash_algorithm.oid != SHA_256 || imprint.hashed_message.as_bytes() != digest(bytes).as_bytes() {
        return Err(TimestampError::OtherBytes);
    }
    Ok(info.gen_time.to_unix_duration().as_secs())
}

/// What the token signs. Certificates and signatures behind it are not read: authorities write them in
/// ways that are not all strict.
fn signed_content(token: &ContentInfo) -> Result<Vec<u8>, der::Error> {
    if token.content_type != SIGNED_DATA {
        return Err(lacking(der::ErrorKind::OidUnknown { oid: token.content_type }));
    }
    let content = AnyRef::from(&token.content).sequence(|reader| {
        let _version: AnyRef<'_> = reader.decode()?;
        let _digest_algorithms: AnyRef<'_> = reader.decode()?;
        let content: EncapsulatedContentInfo = reader.decode()?;
        reader.read_slice(reader.remaining_len())?;
        Ok(content)
    })?;
    if content.econtent_type != TST_INFO {
        return Err(lacking(der::ErrorKind::OidUnknown { oid: content.econtent_type }));
    }
    let octets = content.econtent.ok_or(lacking(der::ErrorKind::Failed))?;
    Ok(octets.decode_as::<OctetString>()?.into_bytes())
}

fn lacking(kind: der::ErrorKind) -> der::Error {
    der::Error::new(kind, der::Length::ZERO)
}

/// An authority that gives timestamps.
#[derive(Debug)]
pub(crate) struct TimestampAuthority {
    url: String,
    outbound: Outbound,
}

impl TimestampAuthority {
    pub(crate) fn new(url: &str, outbound: &Outbound) -> Self {
        Self { url: url.to_owned(), outbound: outbound.clone() }
    }

    /// The reply with a timestamp of these bytes, checked.
    pub(crate) async fn stamp(&self, bytes: &[u8]) -> Result<Vec<u8>, TimestampError> {
        let answer = self.outbound.post(self.url.clone(), QUERY, timestamp_query(bytes)?).await?;
        if answer.status != 200 {
            return Err(TimestampError::Http(answer.status));
        }
        check_timestamp(&answer.body, bytes)?;
        Ok(answer.body)
    }
}

#[cfg(test)]
mod tests;
