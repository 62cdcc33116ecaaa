//! A set of identifiers: a bitmap of prefixes in front, the whole values behind.

use crate::{Identifier, IDENTIFIER_BYTES};

/// Below this the bitmap is not worth making smaller: 8 KiB.
const MIN_BITS: u32 = 16;
/// For the rows of a phone half a MiB, which the second cache of one core holds.
const PHONE_BITS: u32 = 22;
/// From so many values on, those of a population, the bitmap outgrows every cache and may as well be sparse.
const POPULATION: u32 = 1 << 20;
/// 128 MiB.
const MAX_BITS: u32 = 30;
/// While the bitmap may grow it has at least 2^7 places for each value, so that one identifier in 128 passes.
const SPARSE_BITS: u32 = 7;

/// Distinct identifiers that can be searched for by the million.
pub struct ValueSet {
    bitmap: Vec<u64>,
    mask: u32,
    /// All values in ascending order, each with its number in the order in which they were given.
    sorted: Vec<(u128, u32)>,
    /// For each value of the leading bits the place of the first such value in `sorted`, and at the end their count.
    starts: Vec<u32>,
    shift: u32,
}

impl ValueSet {
    /// Take identifiers one behind the other; a last part that is shorter than one is left out.
    ///
    /// # Panics
    /// If there are 2^32 of them or more.
    #[must_use]
    pub fn new(values: &[u8]) -> Self {
        let (whole, _) = values.as_chunks::<IDENTIFIER_BYTES>();
        let count = u32::try_from(whole.len()).expect("fewer than 2^32 values");
        let length = u32::BITS - count.leading_zeros();
        let most = if count < POPULATION { PHONE_BITS } else { MAX_BITS };
        let bits = (length + SPARSE_BITS).clamp(MIN_BITS, most);
        let mask = (1u32 << bits) - 1;
        let mut bitmap = vec![0u64; 1 << (bits - 6)];
        for value in whole {
            let place = prefix(value) & mask;
            bitmap[(place >> 6) as usize] |= 1 << (place & 63);
        }
        let mut sorted: Vec<(u128, u32)> =
            whole.iter().map(|value| u128::from_be_bytes(*value)).zip(0..count).collect();
        sorted.sort_unstable();
        let lead = length.clamp(1, 28);
        let shift = u128::BITS - lead;
        let mut starts = vec![0u32; (1usize << lead) + 1];
        for (value, _) in &sorted {
            starts[bucket(*value, shift) + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        Self { bitmap, mask, sorted, starts, shift }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Whether `identifier` may be one of the values; false for most that are not.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, identifier: &Identifier) -> bool {
        let place = prefix(identifier) & self.mask;
        self.bitmap[(place >> 6) as usize] >> (place & 63) & 1 == 1
    }

    /// The number of the value that `identifier` equals.
    #[must_use]
    pub fn find(&self, identifier: &Identifier) -> Option<u32> {
        let wanted = u128::from_be_bytes(*identifier);
        let place = bucket(wanted, self.shift);
        let near = &self.sorted[self.starts[place] as usize..self.starts[place + 1] as usize];
        // A search by halves: whoever broadcasts identifiers that begin alike must not make this slow.
        near.binary_search_by_key(&wanted, |(value, _)| *value).ok().map(|found| near[found].1)
    }
}

/// Four bytes from the middle: the leading ones are what `starts` goes by.
#[inline]
fn prefix(value: &Identifier) -> u32 {
    u32::from_le_bytes([value[8], value[9], value[10], value[11]])
}

#[inline]
fn bucket(value: u128, shift: u32) -> usize {
    (value >> shift) as usize
}
