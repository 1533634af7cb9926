//! Who vouches for the log: the key that signs its checkpoints and the signer that remembers what
//! it has signed – neither is in a database – and the tiles that proofs are made of; and outside of
//! the house witnesses and timestamp authorities, who are asked here. None of them knows what an event is.

mod add_checkpoint;
mod durable;
mod key;
mod keyring;
mod notary;
mod outbound;
mod outside;
mod protocol;
mod rotation;
mod service;
mod signer;
mod signing;
mod state;
#[cfg(test)]
mod testing;
mod tiles;
mod timestamp;
mod witness;
mod witness_client;

pub use add_checkpoint::MAX_ADD_CHECKPOINT_BYTES;
pub use key::{KeyError, NoteKey};
pub use keyring::KeyRing;
pub use notary::{Notary, NotaryError, Trouble, Vouched};
pub use outbound::NoAnswer;
pub use outside::OutsideSettings;
pub use rotation::{KEY_ROTATED, Rotation, RotationError, heirs, key_id, retire, root_at, rotations};
pub use service::{ServiceError, SignerService};
pub use signer::{SignError, Signer, SignerError};
pub use signing::{Signed, Signing, SigningError};
pub use state::StateError;
pub use tiles::{Tiles, TilesError};
pub use timestamp::{TimestampError, check_timestamp};
pub use witness::{Witness, WitnessError, WitnessRefusal};
