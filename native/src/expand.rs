//! From the entries of a list batch to the identifiers that are stored: SPEC.md 6.1, 6.3 and 6.4.

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256, Block};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::{Identifier, ValueSet};

/// Entry, position of the identifier in it, number of the value that it equals.
pub type Hit = [i64; 3];

type HmacSha256 = Hmac<Sha256>;

const SLOT_BYTES: usize = 4;
/// Identifiers that are asked for together, which a byte can count.
const ASKED_TOGETHER: usize = 144;
/// Days whose padded data is kept: a published fortnight, and room.
const KEPT_SLOTS: usize = 32;
const SLOTS_PER_DAY: u32 = 144;

/// Exposure Notification: AES-128 of padded interval numbers under HKDF of the key.
#[derive(Clone, Copy)]
pub struct Rolling<'a> {
    /// Bytes of one entry: secret, slot, span and what follows.
    pub entry_bytes: usize,
    /// Bytes of the secret.
    pub secret_bytes: usize,
    /// The info of HKDF.
    pub label: &'a [u8],
    /// Identifiers of one entry at most.
    pub most_slots: usize,
}

/// DP-3T: AES-256 in counter mode under HMAC of the secret, slot after slot of a chain of hashes.
#[derive(Clone, Copy)]
pub struct Stream<'a> {
    /// Bytes of one entry: secret and slot.
    pub entry_bytes: usize,
    /// Bytes of the secret.
    pub secret_bytes: usize,
    /// The message of the PRF.
    pub label: &'a [u8],
    /// Identifiers of one slot.
    pub per_slot: usize,
    /// Slots of one entry at most.
    pub most_slots: usize,
    /// No entry is expanded beyond it.
    pub last_slot: i64,
}

/// Every identifier of `entries` that is among `values`, by entry and position.
///
/// # Panics
/// If an entry is shorter than its secret, slot and span.
#[must_use]
pub fn rolling(form: &Rolling, entries: &[u8], values: &ValueSet) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut blocks = vec![Block::default(); form.most_slots];
    let mut plain = PaddedData::new(form.most_slots);
    // HKDF with SHA-256, no salt and at most 32 bytes is HMAC under 32 zeros, then HMAC of the info and a one.
    let extract = keyed(&[0; 32]);
    let info = [form.label, &[1]].concat();
    for (entry, bytes) in entries.chunks_exact(form.entry_bytes).enumerate() {
        let (secret, rest) = bytes.split_at(form.secret_bytes);
        let key = prf(&keyed(&prf(&extract, secret)), &info);
        let (half, _) = key.split_at(16);
        let cipher = Aes128::new(half.try_into().expect("16 bytes"));
        let span = usize::from(rest[SLOT_BYTES]).min(form.most_slots);
        let blocks = &mut blocks[..span];
        let plain = &plain.of(slot_of(rest))[..span];
        cipher.encrypt_blocks_b2b(plain, blocks).expect("as many blocks as before");
        search(blocks, values, entry, 0, &mut hits);
    }
    hits
}

/// Every identifier of `entries` that is among `values`, by entry and position.
///
/// # Panics
/// If an entry is shorter than its secret and slot.
#[must_use]
pub fn stream(form: &Stream, entries: &[u8], values: &ValueSet) -> Vec<Hit> {
    let mut hits = Vec::new();
    let counters: Vec<Block> = (0..form.per_slot as u128).map(|one| Array(one.to_be_bytes())).collect();
    let mut blocks = vec![Block::default(); form.per_slot];
    for (entry, bytes) in entries.chunks_exact(form.entry_bytes).enumerate() {
        let (secret, rest) = bytes.split_at(form.secret_bytes);
        let left = (form.last_slot + 1 - i64::from(slot_of(rest))).max(0);
        let steps = usize::try_from(left).unwrap_or(usize::MAX).min(form.most_slots);
        let mut chained = [0; 32];
        for step in 0..steps {
            let current: &[u8] = if step == 0 { secret } else { &chained };
            let cipher = Aes256::new(&Array(prf(&keyed(current), form.label)));
            cipher.encrypt_blocks_b2b(&counters, &mut blocks).expect("as many blocks as counters");
            search(&blocks, values, entry, step * form.per_slot, &mut hits);
            chained = Sha256::digest(current).into();
        }
    }
    hits
}

fn slot_of(rest: &[u8]) -> u32 {
    u32::from_be_bytes(rest[..SLOT_BYTES].try_into().expect("four bytes"))
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn prf(keyed: &HmacSha256, message: &[u8]) -> [u8; 32] {
    keyed.clone().chain_update(message).finalize().into_bytes().into()
}

/// The blocks that are encrypted to identifiers, kept for the slots met last: keys of one day begin together.
struct PaddedData {
    kept: Vec<(Option<u32>, Vec<Block>)>,
    count: usize,
}

impl PaddedData {
    fn new(count: usize) -> Self {
        Self { kept: vec![(None, Vec::new()); KEPT_SLOTS], count }
    }

    fn of(&mut self, slot: u32) -> &[Block] {
        let count = self.count;
        let (whose, blocks) = &mut self.kept[(slot / SLOTS_PER_DAY) as usize % KEPT_SLOTS];
        if *whose != Some(slot) {
            *whose = Some(slot);
            blocks.clear();
            // Of a key that ends where numbers do, the rest is not used: its span is shorter.
            blocks.extend((0..).take(count).map(|step| padded(slot.wrapping_add(step))));
        }
        blocks
    }
}

/// "EN-RPI", six zero bytes, the interval as u32 little-endian.
fn padded(interval: u32) -> Block {
    const HEAD: u128 = u128::from_le_bytes(*b"EN-RPI\0\0\0\0\0\0\0\0\0\0");
    Array((HEAD | u128::from(interval) << 96).to_le_bytes())
}

#[inline]
fn search(blocks: &[Block], values: &ValueSet, entry: usize, first: usize, hits: &mut Vec<Hit>) {
    // Without a branch for each identifier: which ones pass is chance, and a processor that guesses is often wrong.
    let mut passed = [0u8; 256];
    for (part, blocks) in blocks.chunks(ASKED_TOGETHER).enumerate() {
        let mut count = 0u8;
        for (number, block) in (0u8..).zip(blocks) {
            passed[usize::from(count)] = number;
            count = count.wrapping_add(u8::from(values.may_hold(&block.0)));
        }
        for &number in &passed[..usize::from(count)] {
            let identifier: &Identifier = &blocks[usize::from(number)].0;
            if let Some(value) = values.find(identifier) {
                let position = first + part * ASKED_TOGETHER + usize::from(number);
                hits.push([whole(entry), whole(position), i64::from(value)]);
            }
        }
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).expect("counts of bytes in memory")
}
