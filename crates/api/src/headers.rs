//! What request headers say, each read once and strictly.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header};
use sfs_command::Precondition;
use uuid::Uuid;

use crate::kinds;
use crate::language::Text;
use crate::problem::Problem;

/// Identifies a command across repeated sending (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the command had been done before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What a reader must have seen, or will have seen.
pub const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
/// What a command belongs to.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");
/// The event that caused a command.
pub const CAUSATION_ID: HeaderName = HeaderName::from_static("causation-id");
/// Preferences (RFC 7240).
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Which of them were followed.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The position that an answer shows.
pub const READ_POSITION: HeaderName = HeaderName::from_static("read-position");
/// How far behind that is.
pub const READ_LAG_SECONDS: HeaderName = HeaderName::from_static("read-lag-seconds");
/// Where a stream of events goes on.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The identity of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header's text, if it is there once and visible ASCII.
pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(
            name,
            "Die Kopfzeile steht mehr als einmal da.",
            "The header stands there more than once.",
        ));
    }
    let not_text = |_| {
        invalid(
            name,
            "Die Kopfzeile enthält andere Zeichen als ASCII.",
            "The header holds other characters than ASCII.",
        )
    };
    value.to_str().map(|text| Some(text.trim())).map_err(not_text)
}

fn invalid(name: &HeaderName, de: &'static str, en: &'static str) -> Problem {
    Problem::parameter(name.as_str().to_owned(), Text::new(de, en))
}

/// A problem unless the body is said to be of that media type, as it is.
pub fn require_media_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Problem> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) && !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(());
    }
    Err(Problem::new(&kinds::MEDIA_TYPE).detail(format!("Erwartet wird {wanted}."), format!("Expected is {wanted}.")))
}

/// What `If-Match` and `If-None-Match` say about the version.
pub fn precondition(headers: &HeaderMap) -> Result<Precondition, Problem> {
    if !headers.contains_key(header::IF_MATCH) && !headers.contains_key(header::IF_NONE_MATCH) {
        return Ok(Precondition::None);
    }
    let (matching, absent) = (text(headers, &header::IF_MATCH)?, text(headers, &header::IF_NONE_MATCH)?);
    match (matching, absent) {
        (Some(tag), None) => version(tag).map(Precondition::Version).ok_or_else(|| {
            invalid(&header::IF_MATCH, "Erwartet wird eine Version wie \"v17\".", "Expected is a version like \"v17\".")
        }),
        (None, Some("*")) => Ok(Precondition::Absent),
        (None, _) => Err(invalid(&header::IF_NONE_MATCH, "Erwartet wird *.", "Expected is *.")),
        (Some(_), Some(_)) => Err(invalid(
            &header::IF_MATCH,
            "If-Match und If-None-Match schließen sich aus.",
            "If-Match and If-None-Match exclude each other.",
        )),
    }
}

/// The version of an entity tag `"v17"`.
pub fn version(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    let canonical = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    digits.parse().ok().filter(|_| canonical)
}

/// The client's key for this command, if it has one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    match text(headers, &IDEMPOTENCY_KEY)? {
        Some(key) if !is_key(key) => Err(invalid(
            &IDEMPOTENCY_KEY,
            "Erwartet werden 1 bis 200 sichtbare ASCII-Zeichen.",
            "Expected are 1 to 200 visible ASCII characters.",
        )),
        key => Ok(key),
    }
}

/// Whether a text is an idempotency key: 1 to 200 visible ASCII characters.
pub fn is_key(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A header that is a UUID.
pub fn uuid(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Uuid>, Problem> {
    let parse =
        |text| Uuid::try_parse(text).map_err(|_| invalid(name, "Erwartet wird eine UUID.", "Expected is a UUID."));
    text(headers, name)?.map(parse).transpose()
}

/// What a client prefers (RFC 7240).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefer {
    /// How long the answer may be waited for; at most 30 seconds.
    pub wait: Option<Duration>,
    /// Whether what there is will do.
    pub lenient: bool,
}

impl Prefer {
    /// The preferences that are known here; others are passed over, as RFC 7240 wants it.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let all = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in all.flat_map(|value| value.split(',')) {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("wait") {
                let seconds: Option<u64> = value.parse().ok();
                prefer.wait = prefer.wait.or(seconds.map(|seconds| Duration::from_secs(seconds.min(30))));
            } else if name.trim().eq_ignore_ascii_case("handling") {
                prefer.lenient = value.eq_ignore_ascii_case("lenient");
            }
        }
        prefer
    }
}

/// The first of `offered` that `Accept` takes (RFC 9110 section 12.5.1, without weighing: what
/// stands first in `Accept` wins); `None` if it takes none of them.
pub fn accepted<'a>(headers: &HeaderMap, offered: &[(&'a str, &'a str)]) -> Option<&'a str> {
    let first = offered.first().map(|(_, name)| *name);
    let Some(accept) = headers.get(header::ACCEPT) else { return first };
    let accept = accept.to_str().ok()?;
    for range in accept.split(',') {
        let range = range.split(';').next().unwrap_or_default().trim();
        let takes = |media: &str| {
            let kind = media.split('/').next().unwrap_or_default();
            range == "*/*"
                || range.eq_ignore_ascii_case(media)
                || range.strip_suffix("/*").is_some_and(|r| r.eq_ignore_ascii_case(kind))
        };
        if let Some((_, name)) = offered.iter().find(|(media, _)| takes(media)) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(HeaderName, &str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_version_has_one_spelling() {
        assert_eq!(version("\"v17\""), Some(17));
        assert_eq!(version("\"v0\""), Some(0));
        for wrong in [
            "v17",
            "\"17\"",
            "\"v017\"",
            "W/\"v17\"",
            "\"v\"",
            "\"v1\", \"v2\"",
            "*",
            "\"v+1\"",
            "\"v99999999999999999999\"",
        ] {
            assert_eq!(version(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_precondition_is_a_version_or_absence_and_not_both() {
        assert_eq!(precondition(&HeaderMap::new()).unwrap(), Precondition::None);
        assert_eq!(precondition(&with(&[(header::IF_MATCH, "\"v3\"")])).unwrap(), Precondition::Version(3));
        assert_eq!(precondition(&with(&[(header::IF_NONE_MATCH, "*")])).unwrap(), Precondition::Absent);
        assert!(precondition(&with(&[(header::IF_NONE_MATCH, "\"v3\"")])).is_err());
        assert!(precondition(&with(&[(header::IF_MATCH, "\"v3\""), (header::IF_NONE_MATCH, "*")])).is_err());
        assert!(precondition(&with(&[(header::IF_MATCH, "\"v3\""), (header::IF_MATCH, "\"v4\"")])).is_err());
    }

    #[test]
    fn a_key_is_short_and_visible() {
        let key = |text| idempotency_key(&with(&[(IDEMPOTENCY_KEY, text)])).map(|key| key.map(str::to_owned));
        assert_eq!(key("a-1").unwrap().as_deref(), Some("a-1"));
        assert!(key("").is_err());
        assert!(key("a b").is_err());
        assert!(key(&"x".repeat(201)).is_err());
    }

    #[test]
    fn preferences_are_read_and_unknown_ones_passed_over() {
        let prefer = |text| Prefer::of(&with(&[(PREFER, text)]));
        let five = Some(Duration::from_secs(5));
        assert_eq!(prefer("wait=5, handling=lenient"), Prefer { wait: five, lenient: true });
        assert_eq!(prefer("respond-async, wait=\"5\"; x"), Prefer { wait: five, lenient: false });
        assert_eq!(prefer("wait=3600").wait, Some(Duration::from_secs(30)));
        assert_eq!(prefer("wait=-1"), Prefer::default());
    }

    #[test]
    fn what_is_accepted_is_found_among_what_is_offered() {
        let offered = [("application/json", "json"), ("text/event-stream", "sse")];
        assert_eq!(accepted(&HeaderMap::new(), &offered), Some("json"));
        for (accept, chosen) in [
            ("*/*", Some("json")),
            ("text/event-stream", Some("sse")),
            ("text/*;q=0.5", Some("sse")),
            ("text/html, application/json", Some("json")),
            ("image/png", None),
        ] {
            assert_eq!(accepted(&with(&[(header::ACCEPT, accept)]), &offered), chosen, "{accept}");
        }
    }
}
