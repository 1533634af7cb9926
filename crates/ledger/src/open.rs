//! The open body: the part of an event that holds no personal data and is stored as text beside the
//! leaf, which carries its digest. A random salt keeps a poor body from being guessed from that
//! digest.

use std::borrow::Cow;

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::hash::Hash;
use crate::reader::{Malformed, Reader};
use crate::timestamp::is_date;
use crate::writer::{push_base64, push_hash, push_list, push_string, push_uuid};

/// What an open body says. The same parts are written and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBody<'a> {
    /// Business date, `YYYY-MM-DD`, in the programme's time zone.
    pub occurred_on: Cow<'a, str>,
    /// Official key of the place; 15 is the state.
    pub ags: Cow<'a, str>,
    /// Provider responsible on that date.
    pub provider: Option<Cow<'a, str>>,
    /// Operation it is charged to.
    pub operation: Option<Cow<'a, str>>,
    /// School it is about.
    pub school: Option<Cow<'a, str>>,
    /// Code of the reason.
    pub reason: Option<Cow<'a, str>>,
    /// Id of the event that this one corrects.
    pub corrects: Option<Uuid>,
    /// Digests of files, in the order given. Left out when there are none.
    pub evidence: Vec<Hash>,
    /// The event's own fields: the text of a JSON object, stored as it is.
    pub data: &'a str,
    /// 16 random bytes, drawn by the caller.
    pub salt: [u8; 16],
}

/// The text is no open body, or the parts make none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A part that is there is empty. It would have to be left out, or belongs there.
    #[error("the open body's `{0}` is empty")]
    Empty(&'static str),
    /// `occurred_on` is no day of the calendar as `YYYY-MM-DD`.
    #[error("the open body's `occurred_on` is not a date")]
    NotADate,
    /// `data` is not the text of an object.
    #[error("the open body's `data` is not an object")]
    NotAnObject,
    /// The text is not spelled as an open body is.
    #[error("this is not an open body")]
    Malformed(#[from] Malformed),
}

/// Appends the open body to `out`, which stays as it was on an error. `data` must be one encoded
/// JSON object without white space around it; only its braces are looked at here.
pub fn write_open(body: &OpenBody<'_>, out: &mut Vec<u8>) -> Result<(), OpenError> {
    body.check()?;
    out.reserve(body.data.len() + 512);
    out.extend_from_slice(b"{\"ags\":");
    push_string(out, &body.ags);
    if let Some(corrects) = body.corrects {
        out.extend_from_slice(b",\"corrects\":");
        push_uuid(out, corrects);
    }
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(body.data.as_bytes());
    if !body.evidence.is_empty() {
        out.extend_from_slice(b",\"evidence\":");
        push_list(out, &body.evidence, push_hash);
    }
    push_optional(out, b",\"occurred_on\":", Some(&body.occurred_on));
    push_optional(out, b",\"operation\":", body.operation.as_ref());
    push_optional(out, b",\"provider\":", body.provider.as_ref());
    push_optional(out, b",\"reason\":", body.reason.as_ref());
    out.extend_from_slice(b",\"salt\":\"");
    push_base64(out, &body.salt);
    out.push(b'"');
    push_optional(out, b",\"school\":", body.school.as_ref());
    out.push(b'}');
    Ok(())
}

fn push_optional(out: &mut Vec<u8>, key: &[u8], text: Option<&Cow<'_, str>>) {
    if let Some(text) = text {
        out.extend_from_slice(key);
        push_string(out, text);
    }
}

impl<'a> OpenBody<'a> {
    fn check(&self) -> Result<(), OpenError> {
        let named = [
            ("ags", Some(&self.ags)),
            ("operation", self.operation.as_ref()),
            ("provider", self.provider.as_ref()),
            ("reason", self.reason.as_ref()),
            ("school", self.school.as_ref()),
        ];
        if let Some((name, _)) = named.into_iter().find(|(_, text)| text.is_some_and(|text| text.is_empty())) {
            return Err(OpenError::Empty(name));
        }
        if !is_date(&self.occurred_on) {
            return Err(OpenError::NotADate);
        }
        if !(self.data.len() >= 2 && self.data.starts_with('{') && self.data.ends_with('}')) {
            return Err(OpenError::NotAnObject);
        }
        Ok(())
    }

    /// Reads an open body and refuses every byte outside of `data` that [`write_open`] would have
    /// written otherwise. `data` may be any JSON object: it is checked to be one and handed on as
    /// it stands.
    pub fn parse(text: &'a str) -> Result<Self, OpenError> {
        let mut json = Reader::new(text.as_bytes())?;
        json.expect("{\"ags\":")?;
        let ags = json.string()?;
        let corrects = json.optional(",\"corrects\":", Reader::uuid)?;
        json.expect(",\"data\":")?;
        let data = read_object(&mut json)?;
        let evidence = json.optional(",\"evidence\":", |json| json.list(Reader::hash))?.unwrap_or_default();
        json.expect(",\"occurred_on\":")?;
        let occurred_on = Cow::Borrowed(json.date()?);
        let operation = json.optional(",\"operation\":", Reader::string)?;
        let provider = json.optional(",\"provider\":", Reader::string)?;
        let reason = json.optional(",\"reason\":", Reader::string)?;
        json.expect(",\"salt\":")?;
        let salt = json.salt()?;
        let school = json.optional(",\"school\":", Reader::string)?;
        json.expect("}")?;
        json.end()?;
        Ok(Self { occurred_on, ags, provider, operation, school, reason, corrects, evidence, data, salt })
    }
}

/// The next JSON value, which must be an object without white space before it.
fn read_object<'a>(json: &mut Reader<'a>) -> Result<&'a str, OpenError> {
    let rest = json.rest();
    if !rest.starts_with('{') {
        return Err(OpenError::NotAnObject);
    }
    match serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>().next() {
        Some(Ok(object)) => {
            json.skip(object.get().len());
            Ok(object.get())
        }
        _ => Err(OpenError::NotAnObject),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest;

    const SMALLEST: &str = r#"{"ags":"15","data":{},"occurred_on":"2026-11-23","salt":"AAECAwQFBgcICQoLDA0ODw"}"#;

    const LARGEST: &str = concat!(
        r#"{"ags":"15083020","corrects":"019ab2c3-0000-7000-8000-00000000000a","#,
        r#""data":{"kind":"crisis","minutes":45,"nested":{"a":[1,"}"]}},"#,
        r#""evidence":["ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"],"#,
        r#""occurred_on":"2026-11-23","operation":"op-1","provider":"org-\"7\"","#,
        r#""reason":"typo","salt":"AAECAwQFBgcICQoLDA0ODw","school":"school-9"}"#
    );

    const SALT: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn smallest() -> OpenBody<'static> {
        OpenBody {
            occurred_on: "2026-11-23".into(),
            ags: "15".into(),
            provider: None,
            operation: None,
            school: None,
            reason: None,
            corrects: None,
            evidence: Vec::new(),
            data: "{}",
            salt: SALT,
        }
    }

    fn largest() -> OpenBody<'static> {
        OpenBody {
            occurred_on: "2026-11-23".into(),
            ags: "15083020".into(),
            provider: Some("org-\"7\"".into()),
            operation: Some("op-1".into()),
            school: Some("school-9".into()),
            reason: Some("typo".into()),
            corrects: Some("019ab2c3-0000-7000-8000-00000000000a".parse().unwrap()),
            evidence: vec![digest(b"abc")],
            data: r#"{"kind":"crisis","minutes":45,"nested":{"a":[1,"}"]}}"#,
            salt: SALT,
        }
    }

    fn written(body: &OpenBody<'_>) -> String {
        let mut out = Vec::new();
        write_open(body, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (body, text) in [(smallest(), SMALLEST), (largest(), LARGEST)] {
            assert_eq!(written(&body), text);
            assert_eq!(OpenBody::parse(text), Ok(body));
        }
    }

    #[test]
    fn an_open_body_is_canonical_when_its_data_is() {
        for text in [SMALLEST, LARGEST] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), text);
        }
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let body = OpenBody::parse(LARGEST).unwrap();
        assert!(matches!(body.school, Some(Cow::Borrowed("school-9"))));
        assert!(matches!(body.provider, Some(Cow::Owned(_))));
    }

    #[test]
    fn data_is_handed_on_as_it_stands() {
        let text = SMALLEST.replace("{}", "{ \"b\": 1.0,\n\"a\":null, \"a\":\"\\u00e4\" }");
        assert_eq!(OpenBody::parse(&text).unwrap().data, "{ \"b\": 1.0,\n\"a\":null, \"a\":\"\\u00e4\" }");
    }

    #[test]
    fn parts_that_make_no_open_body_are_not_written() {
        let refused = |change: fn(&mut OpenBody<'_>)| {
            let mut body = largest();
            change(&mut body);
            let mut out = b"before".to_vec();
            let error = write_open(&body, &mut out).unwrap_err();
            assert_eq!(out, b"before");
            error
        };
        assert_eq!(refused(|body| body.ags = "".into()), OpenError::Empty("ags"));
        assert_eq!(refused(|body| body.school = Some("".into())), OpenError::Empty("school"));
        assert_eq!(refused(|body| body.occurred_on = "2026-02-30".into()), OpenError::NotADate);
        for data in ["", "{", "[]", "null", " {}", "{} "] {
            let body = OpenBody { data, ..smallest() };
            assert_eq!(write_open(&body, &mut Vec::new()), Err(OpenError::NotAnObject), "{data}");
        }
    }

    #[test]
    fn another_spelling_of_an_open_body_is_refused() {
        for (from, to) in [
            ("\"salt\":\"AAECAwQFBgcICQoLDA0ODw\"", "\"salt\":\"AAECAwQFBgcICQoLDA0ODx\""),
            ("\"salt\":\"AAECAwQFBgcICQoLDA0ODw\"", "\"salt\":\"AAECAwQFBgcICQoLDA0O\""),
            (",\"salt\":\"AAECAwQFBgcICQoLDA0ODw\"", ""),
            ("\"ags\":\"15083020\"", "\"ags\":15083020"),
            ("\"ags\":\"15083020\"", "\"ags\":\"\""),
            ("\"ags\":\"15083020\"", "\"ags\":null"),
            ("\"ags\"", "\"agx\""),
            ("{\"ags\"", "{ \"ags\""),
            ("2026-11-23", "2026-11-31"),
            ("\"reason\":\"typo\"", "\"reason\":\"typo\",\"reason\":\"typo\""),
            ("\"reason\":\"typo\"", "\"unknown\":\"typo\""),
            ("\"evidence\":[\"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0\"]", "\"evidence\":[]"),
            ("\"data\":{", "\"data\":[{"),
            ("\"minutes\":45", "\"minutes\":045"),
            ("\"minutes\":45", "\"minutes\":"),
            ("\"school-9\"}", "\"school-9\"} "),
            ("\"school-9\"}", "\"school-9\"}}"),
            ("\"school-9\"}", "\"school-9\""),
        ] {
            assert!(LARGEST.contains(from), "{from}");
            let text = LARGEST.replacen(from, to, 1);
            assert!(OpenBody::parse(&text).is_err(), "{text}");
        }
        for wrong in ["", "{}", "null", "{\"ags\":\"15\",\"data\":{\"a\":\"ä"] {
            assert!(OpenBody::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn data_that_is_not_an_object_is_refused() {
        for data in ["[]", "45", "\"x\"", "null", "true", " {}", "{]", "{\"a\":}", "{\"a\" 1}"] {
            let text = SMALLEST.replace("{}", data);
            assert_eq!(OpenBody::parse(&text), Err(OpenError::NotAnObject), "{data}");
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
        let text = SMALLEST.replace("{}", &deep);
        assert_eq!(OpenBody::parse(&text).unwrap().data, deep);
        assert!(OpenBody::parse(&text[..600_000]).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), cut in 0..LARGEST.len()) {
            prop_assert!(OpenBody::parse(&text).is_err());
            prop_assert!(OpenBody::parse(&LARGEST[..cut]).is_err());
            let _ = OpenBody::parse(&format!("{}{text}{}", &LARGEST[..cut], &LARGEST[cut..]));
        }

        #[test]
        fn a_changed_byte_is_refused_or_stays_what_was_written(
            place in 0..LARGEST.len(),
            byte in 0_u8..128,
        ) {
            let mut bytes = LARGEST.as_bytes().to_vec();
            bytes[place] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(body) = OpenBody::parse(&text) {
                prop_assert_eq!(written(&body), text);
            }
        }
    }
}
