//! The key that signs notes: Ed25519 with a name, in a file of its own that only its owner reads.
//! The text is that of Go's `note` package, so that its tools can use the file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::{fmt, str};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use sfs_ledger::{ED25519, KeyTextError, NoteSignature, VerifierKey, WitnessKey, cosigned_message};
use zeroize::Zeroizing;

use crate::durable;

const PREFIX: &str = "PRIVATE+KEY+";

/// A key file is longer than any key.
const MAX_KEY_BYTES: u64 = 4096;

/// A key cannot be made, read or stored. No message holds a part of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not a private key, or the name is none for a key.
    #[error("not a private key of a note")]
    Text(#[source] KeyTextError),
    /// The file of a private key can be read by everybody.
    #[error("the key file {path} has the mode {mode:03o}: others must have no rights")]
    Permissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key that is to be made is there already.
    #[error("there is a key already: {0}")]
    Exists(PathBuf),
    /// There is no key in the directory.
    #[error("there is no key in {0}")]
    None(PathBuf),
    /// Keys of one directory have different names, so that they are not of one log.
    #[error("the keys in {directory} are named `{one}` and `{other}`")]
    Names {
        /// Where the keys are.
        directory: PathBuf,
        /// Name of the oldest key.
        one: String,
        /// Another name.
        other: String,
    },
    /// The file system did not do it.
    #[error("cannot use {path}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl KeyError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

/// A private key with its name. It is wiped from memory when dropped, and never printed.
pub struct NoteKey {
    signing: SigningKey,
    verifier: VerifierKey,
}

impl NoteKey {
    /// Makes a key from 32 bytes of entropy, which are the private key: they come from the
    /// system's source of chance and are used for nothing else.
    pub fn generate(name: &str, entropy: &[u8; 32]) -> Result<Self, KeyError> {
        Self::from_seed(name, entropy).map_err(KeyError::Text)
    }

    fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyTextError> {
        let signing = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, &signing.verifying_key().to_bytes())?;
        Ok(Self { signing, verifier })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::read_text(text).map_err(KeyError::Text)
    }

    fn read_text(text: &str) -> Result<Self, KeyTextError> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(KeyTextError::Malformed)?.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyTextError::Malformed);
        };
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| KeyTextError::Malformed)?);
        let seed = match bytes.split_first() {
            Some((&ED25519, seed)) => seed.as_array().ok_or(KeyTextError::Key)?,
            Some((&other, _)) => return Err(KeyTextError::SignatureType(other)),
            None => return Err(KeyTextError::Malformed),
        };
        let key = Self::from_seed(name, seed)?;
        // The hash in the text is of the public key: it shows a damaged file.
        if *key.encode() == text { Ok(key) } else { Err(KeyTextError::Hash) }
    }

    /// `PRIVATE+KEY+name+hash+base64`, to be wiped after use.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([ED25519; 33]);
        bytes[1..].copy_from_slice(self.signing.as_bytes());
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        let public = format!("{}+{:08x}+", self.verifier.name(), u32::from_be_bytes(self.verifier.id()));
        // The whole capacity at once, with room for a newline: growing would leave copies behind.
        let capacity = PREFIX.len() + public.len() + encoded.len() + 1;
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        [PREFIX, &public, &encoded].iter().for_each(|part| text.push_str(part));
        text
    }

    /// Who may be shown: the public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature line for a text.
    #[must_use]
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature::ed25519(&self.verifier, self.signing.sign(text.as_bytes()).to_bytes())
    }

    /// Who may be shown if the key is that of a witness: the public half, which is then of another type.
    #[must_use]
    pub fn witness(&self) -> WitnessKey {
        self.verifier.retyped()
    }

    /// The line of a cosignature of a checkpoint's text; the time is in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, time: u64, text: &str) -> NoteSignature {
        let signature = self.signing.sign(&cosigned_message(time, text)).to_bytes();
        NoteSignature::cosignature(&self.witness(), time, signature)
    }

    /// Stores the key in a new file with mode 0600, durably; a file that is there is left alone.
    pub fn create_file(&self, path: &Path) -> Result<(), KeyError> {
        let mut line = self.encode();
        line.push('\n');
        durable::create(path, line.as_bytes()).map_err(|why| match why.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => KeyError::io(path)(why),
        })
    }

    /// Reads a key file. A file that others (neither owner nor group) have any right to is refused.
    pub fn read_file(path: &Path) -> Result<Self, KeyError> {
        let file = File::open(path).map_err(KeyError::io(path))?;
        #[cfg(unix)]
        {
            let permissions = file.metadata().map_err(KeyError::io(path))?.permissions();
            let mode = std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777;
            if mode & 0o007 != 0 {
                return Err(KeyError::Permissions { path: path.to_owned(), mode });
            }
        }
        // The whole capacity at once: growing would leave copies of the key behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_BYTES as usize + 1));
        file.take(MAX_KEY_BYTES).read_to_end(&mut bytes).map_err(KeyError::io(path))?;
        let text = str::from_utf8(&bytes).map_err(|_| KeyError::Text(KeyTextError::Malformed))?;
        Self::parse(text.strip_suffix('\n').unwrap_or(text))
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
