//! Signed notes (C2SP signed-note v1.0.0): a text and under it the signatures of keys. Reading is
//! strict and bounded; the text of a note that nobody we know has signed is not given out under
//! that name.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::digest;

/// Limit of a whole note in bytes, as in Go's implementation.
pub const MAX_NOTE_BYTES: usize = 1_000_000;

/// Limit of the signatures of a note, as in Go's implementation. The specification demands at least
/// 16.
pub const MAX_NOTE_SIGNATURES: usize = 100;

/// The signature type byte of plain Ed25519 signatures over the note's text.
pub const ED25519: u8 = 0x01;

/// What begins a signature line: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// A note is malformed, or not signed by whom it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than [`MAX_NOTE_BYTES`].
    #[error("the note has {0} bytes, more than {MAX_NOTE_BYTES}")]
    TooLarge(usize),
    /// The bytes are not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// An ASCII control character other than the newline.
    #[error("the note has a control character")]
    ControlCharacter,
    /// The text does not end with a newline.
    #[error("the text of the note does not end with a newline")]
    NoNewline,
    /// No empty line, no signature under it, or too many.
    #[error("a note has an empty line and 1 to {MAX_NOTE_SIGNATURES} signatures after its text")]
    NoSignatures,
    /// A line below the text is no signature line; lines count from 1, after the empty line.
    #[error("line {0} below the text is not a signature line")]
    SignatureLine(usize),
    /// Two different keys of the verifier share name and id, so that nobody can say whose the
    /// signature is.
    #[error("two keys are named `{0}` and have the same id")]
    Ambiguous(String),
    /// The signature of a known key does not fit the text.
    #[error("the signature of `{0}` does not fit the text")]
    WrongSignature(String),
    /// No known key has signed.
    #[error("the note is not signed by a known key")]
    NotSigned,
}

/// The text is not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Not `name+hash+base64`, or the name is empty or holds a space, a plus or a control
    /// character.
    #[error("not a key: expected name+hash+base64")]
    Malformed,
    /// The key is of a signature type that is not supported here.
    #[error("the key has the signature type {0:#04x}, which is not supported")]
    SignatureType(u8),
    /// The hash in the text is not that of name and key.
    #[error("the hash of the key does not fit its name and its bytes")]
    Hash,
    /// The bytes are no public key, or one under which anybody can sign.
    #[error("the bytes are not a usable Ed25519 key")]
    Key,
}

/// Whether keys may have this name: not empty, no plus, no Unicode space, no control character.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '+' || c.is_whitespace() || c < ' ')
}

/// The first four bytes of SHA-256(name || 0x0A || signature type || public key).
#[must_use]
pub fn key_id(name: &str, signature_type: u8, public_key: &[u8]) -> [u8; 4] {
    let hash = digest(&[name.as_bytes(), b"\n", &[signature_type], public_key].concat());
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

/// Who may sign: a name and an Ed25519 public key that is used for one type of signature.
///
/// As text it is `name+hash+base64` with eight digits of lower-case hex, the form that Go's
/// `note` and the policies of C2SP use. One key has one text.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedKey<const TYPE: u8> {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// Whose signature over the text of a note counts: a log's.
pub type VerifierKey = NamedKey<ED25519>;

impl<const TYPE: u8> NamedKey<TYPE> {
    /// The key with these 32 bytes.
    pub fn new(name: &str, public_key: &[u8; 32]) -> Result<Self, KeyTextError> {
        if !is_key_name(name) {
            return Err(KeyTextError::Malformed);
        }
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| KeyTextError::Key)?;
        if key.is_weak() {
            return Err(KeyTextError::Key);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, TYPE, public_key), key })
    }

    /// The name that stands in the signature line.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells two keys of one name apart.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key without name and type.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The same name and public key for another type of signature.
    #[must_use]
    pub fn retyped<const OTHER: u8>(&self) -> NamedKey<OTHER> {
        NamedKey { name: self.name.clone(), id: key_id(&self.name, OTHER, self.key.as_bytes()), key: self.key }
    }

    /// The key among these that the line claims to be of.
    pub(crate) fn claimed<'a>(
        signature: &NoteSignature,
        keys: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Option<&'a Self>, NoteError> {
        let made = |key: &&Self| key.id == signature.key_id && key.name == signature.name;
        let mut known = keys.into_iter().filter(made);
        match known.next() {
            Some(key) if known.any(|other| other != key) => Err(NoteError::Ambiguous(key.name.clone())),
            key => Ok(key),
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        // The strict rule accepts no second spelling of a signature and no weak key.
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl<const TYPE: u8> fmt::Display for NamedKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[TYPE], &self.key.to_bytes()[..]].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), STANDARD.encode(bytes))
    }
}

impl<const TYPE: u8> fmt::Debug for NamedKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const TYPE: u8> FromStr for NamedKey<TYPE> {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        // Base64 may hold a plus, the name and the hash may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyTextError::Malformed);
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyTextError::Malformed)?;
        let public_key: [u8; 32] = match bytes.split_first() {
            Some((&is, key)) if is == TYPE => key.try_into().map_err(|_| KeyTextError::Key)?,
            Some((&other, _)) => return Err(KeyTextError::SignatureType(other)),
            None => return Err(KeyTextError::Malformed),
        };
        let key = Self::new(name, &public_key)?;
        match key.to_string() == text {
            true => Ok(key),
            false if hash.len() == 8 && hash.bytes().all(|c| c.is_ascii_hexdigit()) => Err(KeyTextError::Hash),
            false => Err(KeyTextError::Malformed),
        }
    }
}

/// One signature line: who says to have signed, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

impl NoteSignature {
    /// The line for the 64 bytes that the holder of this key made over the text.
    #[must_use]
    pub fn ed25519(key: &VerifierKey, signature: [u8; 64]) -> Self {
        Self::of(key, signature.to_vec())
    }

    /// The line of a key with whatever its type of signature demands.
    pub(crate) fn of<const TYPE: u8>(key: &NamedKey<TYPE>, bytes: Vec<u8>) -> Self {
        Self { name: key.name.clone(), key_id: key.id, bytes }
    }

    /// The name of the key, as the line claims it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key, as the line claims it.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// What the key made; the signature type says what is in it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a line without its newline; `None` if it is no signature line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, rest) = bytes.split_first_chunk()?;
        let is_right = is_key_name(name) && !rest.is_empty();
        is_right.then(|| Self { name: name.to_owned(), key_id: *key_id, bytes: rest.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([&self.key_id, &self.bytes[..]].concat());
        write!(f, "{DASH}{} {encoded}", self.name)
    }
}

/// A well-formed note. Whether to believe it, [`SignedNote::verify`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// The text of a note and the known keys that have signed it, each once, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The signed text, with its last newline.
    pub text: &'a str,
    /// Who signed, in the order of the signatures.
    pub by: Vec<&'a VerifierKey>,
}

impl SignedNote {
    /// Puts signatures under a text, which ends with a newline. Their truth is not checked here.
    pub fn new(text: &str, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        check_text(text)?;
        if signatures.is_empty() || signatures.len() > MAX_NOTE_SIGNATURES {
            return Err(NoteError::NoSignatures);
        }
        let note = Self { text: text.to_owned(), signatures };
        match note.to_string().len() {
            length if length > MAX_NOTE_BYTES => Err(NoteError::TooLarge(length)),
            _ => Ok(note),
        }
    }

    /// Reads a note. One note has one sequence of bytes: what [`fmt::Display`] writes is what was
    /// read.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge(bytes.len()));
        }
        let whole = str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_text(whole)?;
        // The text may hold empty lines, so the last one separates.
        let (text, below) = whole.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let below = below.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        if below.split('\n').count() > MAX_NOTE_SIGNATURES {
            return Err(NoteError::NoSignatures);
        }
        let parse = |(place, line)| NoteSignature::parse(line).ok_or(NoteError::SignatureLine(place + 1));
        let signatures = below.split('\n').enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The text and who of these keys has signed it. Signatures of unknown keys are ignored; a
    /// wrong one of a known key condemns the note.
    pub fn verify<'a>(&'a self, keys: &'a [VerifierKey]) -> Result<Verified<'a>, NoteError> {
        let mut by: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = VerifierKey::claimed(signature, keys)? else { continue };
            if !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::WrongSignature(key.name.clone()));
            }
            if !by.contains(&key) {
                by.push(key);
            }
        }
        if by.is_empty() { Err(NoteError::NotSigned) } else { Ok(Verified { text: &self.text, by }) }
    }

    /// The text, whoever has signed it: for the one who is about to sign, and for messages.
    #[must_use]
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// All signatures, known or not, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// What holds of a text and of a whole note alike.
fn check_text(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::ControlCharacter);
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::NoNewline) }
}
