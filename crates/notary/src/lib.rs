//! Who vouches for the log: the key that signs its checkpoints and the signer that remembers what
//! it has signed – neither is in a database – and the tiles that proofs are made of. None of them
//! knows what an event is.

mod durable;
mod key;
mod keyring;
mod notary;
mod signed;
mod signer;
mod state;
mod tiles;

pub use key::{KeyError, NoteKey};
pub use keyring::KeyRing;
pub use notary::{Notary, NotaryError};
pub use signed::Signed;
pub use signer::{SignError, Signer, SignerError};
pub use state::StateError;
pub use tiles::{Tiles, TilesError};
