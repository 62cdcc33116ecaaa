//! Matching of published keys with stored identifiers: SPEC.md 15.3 of Anopticon, docs/adr/0009-native-matching.md.
//!
//! The same results as the Python engine, which the project's tests compare it with. AES, SHA-256 and HMAC come from
//! the crates of `RustCrypto`, which choose the processor's instructions at run time; nothing here is cryptography of our
//! own. Every function takes bytes that were checked before and is bounded by their length.

mod expand;
mod export;
mod filter;
mod values;

#[cfg(feature = "python")]
mod python;

pub use expand::{rolling, stream, Hit, Rolling, Stream};
pub use export::{take_records, Taken, ENTRY_BYTES};
pub use filter::filter_hits;
pub use values::ValueSet;

/// Bytes of an identifier: an `EphID` or RPI.
pub const IDENTIFIER_BYTES: usize = 16;

/// A 16-byte identifier.
pub type Identifier = [u8; IDENTIFIER_BYTES];
