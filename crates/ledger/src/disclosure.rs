//! A disclosure: one attribute that a leaf commits to, with the salt that kept it from being guessed.
//! Base64url of the JSON text `[salt, name, value]`; the leaf's `_sd` has its digest (RFC 9901 4.2.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::hash::{Hash, digest};

/// The digest that commits to a disclosure: SHA-256 of its text, not of what it decodes to.
#[must_use]
pub fn disclosure_digest(disclosure: &str) -> Hash {
    digest(disclosure.as_bytes())
}

/// Name and value (as JSON text) of a disclosure, if it is one of an attribute.
#[must_use]
pub fn read_disclosure(disclosure: &str) -> Option<(String, String)> {
    let text = URL_SAFE_NO_PAD.decode(disclosure).ok()?;
    let (_salt, name, value): (String, String, serde_json::Value) = serde_json::from_slice(&text).ok()?;
    (!value.is_object() && !value.is_array()).then(|| (name, value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disclosure_has_the_digest_that_the_standard_gives_it() {
        // RFC 9901, section 4.2.3.
        let disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
        assert_eq!(disclosure_digest(disclosure).to_b64(), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
        assert_eq!(read_disclosure(disclosure), Some(("family_name".into(), "\"Möbius\"".into())));
        // Another spelling of the same attribute is another disclosure.
        let other = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd";
        assert_eq!(read_disclosure(other), read_disclosure(disclosure));
        assert_ne!(disclosure_digest(other), disclosure_digest(disclosure));
    }

    #[test]
    fn what_is_no_attribute_is_no_disclosure() {
        for text in ["", "[]", "[\"salt\",\"name\"]", "[1,\"name\",true]", "[\"salt\",\"name\",[]]", "[\"s\",\"n\",{}]"]
        {
            assert_eq!(read_disclosure(&URL_SAFE_NO_PAD.encode(text)), None, "{text}");
        }
        assert_eq!(read_disclosure("WyJz IiwibiIsdHJ1ZV0"), None);
        assert_eq!(read_disclosure(&URL_SAFE_NO_PAD.encode("[\"s\",\"n\",true]")), Some(("n".into(), "true".into())));
    }
}
