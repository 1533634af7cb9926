//! Writing JSON the way RFC 8785 spells it: no white space, the shortest escapes, integers as plain
//! digits. Keys are literals of the caller, already in order. Everything appends to a byte vector.

use uuid::Uuid;

use crate::Hash;

/// The largest integer of a leaf: above it two JSON readers may disagree (RFC 8785 3.2.2.3).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a quoted string. Everything but quote, backslash and the 32 control characters stands
/// for itself (RFC 8785 3.2.2.2).
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(|byte| must_escape(*byte)) {
        out.extend_from_slice(&rest[..plain]);
        push_escape(out, rest[plain]);
        rest = &rest[plain + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether a byte of a string cannot stand for itself.
pub(crate) fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend([b'\\', short]);
}

/// Appends the decimal digits.
pub(crate) fn push_integer(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Appends base64url without padding (RFC 4648 section 5), unquoted.
pub(crate) fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0, |bits, (place, byte)| bits | u32::from(*byte) << (16 - 8 * place));
        let digit = |place: u32| BASE64URL[(bits >> (18 - 6 * place)) as usize & 63];
        out.extend_from_slice(&[digit(0), digit(1), digit(2), digit(3)][..=group.len()]);
    }
}

/// Appends a quoted hash.
pub(crate) fn push_hash(out: &mut Vec<u8>, hash: &Hash) {
    out.push(b'"');
    push_base64(out, hash.as_bytes());
    out.push(b'"');
}

/// Appends a quoted UUID, lower case with hyphens.
pub(crate) fn push_uuid(out: &mut Vec<u8>, id: Uuid) {
    let mut text = [0; 36];
    out.push(b'"');
    out.extend_from_slice(id.as_hyphenated().encode_lower(&mut text).as_bytes());
    out.push(b'"');
}

/// Appends `[a,b,c]`.
pub(crate) fn push_list<T>(out: &mut Vec<u8>, items: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    fn written(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_must_be_escaped_is_escaped() {
        let text = "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}ä€\u{2028}😀";
        let json = r#""\u0000\u0001\b\t\n\u000b\f\r\u001f \"\\/"#.to_owned() + "\u{7f}ä€\u{2028}😀\"";
        assert_eq!(written(|out| push_string(out, text)), json);
    }

    #[test]
    fn integers_are_plain_digits() {
        for (number, text) in [(0, "0"), (7, "7"), (10, "10"), (MAX_INTEGER, "9007199254740991")] {
            assert_eq!(written(|out| push_integer(out, number)), text);
        }
        assert_eq!(written(|out| push_integer(out, u64::MAX)), u64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn strings_are_written_as_the_canonicaliser_writes_them(text in any::<String>()) {
            let oracle = serde_json_canonicalizer::to_string(&text).unwrap();
            prop_assert_eq!(written(|out| push_string(out, &text)), oracle);
        }

        #[test]
        fn base64_is_written_as_the_library_writes_it(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(written(|out| push_base64(out, &bytes)), URL_SAFE_NO_PAD.encode(&bytes));
        }
    }
}
