//! Timestamps: what OpenSSL asks is what we ask, what it answers is read, and no reply of other bytes
//! counts (case 32 of `audit.md` 6).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

const DATA: &[u8] = b"a checkpoint\n";

/// `openssl ts -query -data … -sha256 -cert -no_nonce`.
const ASKED: &str = "MDkCAQEwMTANBglghkgBZQMEAgEFAAQgrz8hGBYi0F62N167MOYrvpj4VBx3iuLs7dCvMzxDpQQBAf8=";

/// `openssl ts -reply` to that, without certificate.
const GRANTED: &str = "\
    MIIB3TADAgEAMIIB1AYJKoZIhvcNAQcCoIIBxTCCAcECAQMxDzANBglghkgBZQMEAgEFADBoBgsqhkiG9w0BCRABBKBZBFcwVQIB\
    AQYEKgMEATAxMA0GCWCGSAFlAwQCAQUABCCvPyEYFiLQXrY3Xrsw5iu+mPhUHHeK4uzt0K8zPEOlBAIBAxgPMjAyNjExMjQxMzE4\
    MTVaMAMCAQExggE/MIIBOwIBATAqMBIxEDAOBgNVBAMMB1Rlc3QgQ0ECFBGyuVT8BUasU24MUeMKKXMeOUyiMA0GCWCGSAFlAwQC\
    AQUAoIGkMBoGCSqGSIb3DQEJAzENBgsqhkiG9w0BCRABBDAcBgkqhkiG9w0BCQUxDxcNMjYxMTI0MTMxODE1WjAvBgkqhkiG9w0B\
    CQQxIgQgbuBBKKCLKMyiqdokqQr4Q+dIdOzueO/aEOPhYy/U3vMwNwYLKoZIhvcNAQkQAi8xKDAmMCQwIgQggZ4jHouy8YZ9TWID\
    3S2/2wzLwkQT2bYvGkuUnRCm8T4wCgYIKoZIzj0EAwIESDBGAiEAooO8NtKh8LMlzCWbm3GrU1+Kz8ngaJj57nSlyb+iX3ICIQDR\
    epyz/B3Mhcw57jon6/tjvqb/O/A6qQjLUr+vC9Sb8w==";

/// `openssl ts -reply` to a query with MD5.
const REJECTED: &str = "MDcwNQIBAjAsDCpNZXNzYWdlIGRpZ2VzdCBhbGdvcml0aG0gaXMgbm90IHN1cHBvcnRlZC4DAgeA";

fn decode(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text.replace(' ', "")).unwrap()
}

#[test]
fn we_ask_as_openssl_asks() {
    assert_eq!(timestamp_query(DATA).unwrap(), decode(ASKED));
}

#[test]
fn a_reply_for_the_bytes_counts_and_one_for_others_does_not() {
    let reply = decode(GRANTED);
    assert_eq!(check_timestamp(&reply, DATA).unwrap(), 1_795_526_295);
    let other = check_timestamp(&reply, b"another checkpoint\n");
    assert!(matches!(other, Err(TimestampError::OtherBytes)), "{other:?}");
}

#[test]
fn a_refusal_is_no_timestamp() {
    let refused = check_timestamp(&decode(REJECTED), DATA);
    assert!(matches!(refused, Err(TimestampError::Refused(2))), "{refused:?}");
}

#[test]
fn no_damaged_reply_makes_the_reader_panic_or_counts_for_other_bytes() {
    let reply = decode(GRANTED);
    for length in 0..reply.len() {
        assert!(check_timestamp(&reply[..length], DATA).is_err(), "cut at {length}");
    }
    assert!(check_timestamp(&[&reply[..], b"\0"].concat(), DATA).is_err(), "longer");
    for place in 0..reply.len() {
        for bit in 0..8 {
            let mut changed = reply.clone();
            changed[place] ^= 1 << bit;
            // The signature is for others to check, so that many changes are not seen here.
            let _ = check_timestamp(&changed, DATA);
            assert!(check_timestamp(&changed, b"another checkpoint\n").is_err());
        }
    }
}
