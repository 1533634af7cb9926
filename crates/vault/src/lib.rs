//! Subject keys: seal, open, commit, destroy. What is said of a person is sealed under a key of that
//! person before it enters the log; whoever destroys the key erases the person, and every proof of
//! the log stays valid.
//!
//! [`Personal`] is a value that cannot be shown by accident; [`seal`] and [`open`] turn it into the
//! bytes of a slot and back; [`Commitments`] and [`Disclosure`] let single attributes be proved;
//! [`KeyEncryptionKeys`] wrap what [`Keys`], the store, keeps.

mod commit;
mod crypto;
mod erasure_list;
mod kek;
mod key;
mod person;
mod personal;
mod purpose;
mod seal;
mod store;

pub use commit::{CommitError, Commitments, Disclosed, Disclosure, DisclosureError, Value};
pub use crypto::{Digest, RandomBytes};
pub use erasure_list::{ErasureList, ErasureListError, Listed};
pub use kek::{Credential, KekError, KeyEncryptionKeys, new_kek_line};
pub use key::{KeyId, KeyReading, SubjectId, SubjectKey};
pub use person::PersonIdentity;
pub use personal::{Personal, Reading};
pub use purpose::{Actor, Class, Identity, Purpose, SpecialCategory, Statistics};
pub use seal::{ALGORITHM, OpenError, Place, SealError, Sealed, open, seal};
pub use store::{Inspection, Keys, KeysError, Rewrapped, Tombstone, inspect};
