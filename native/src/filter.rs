//! Asking a published filter for stored hashes: SPEC.md 8.4.

const VALUE_BYTES: usize = 32;
const MAX_REMAINDER_BYTES: usize = 8;
/// A count in the filter is a LEB128 number; this bit says that another byte follows.
const MORE: u8 = 0x80;

/// The numbers of the 32-byte `values` that the filter of `count` fingerprints in `body` holds.
///
/// `None` if the body is not the plain form that honest hashes give, sound or not: a slower reader says which.
#[must_use]
pub fn filter_hits(count: u32, body: &[u8], values: &[u8], remainder_bytes: usize) -> Option<Vec<i64>> {
    let filter = Filter::read(count, body, remainder_bytes)?;
    let (whole, _) = values.as_chunks::<VALUE_BYTES>();
    Some((0i64..).zip(whole).filter(|(_, value)| filter.holds(value)).map(|(number, _)| number).collect())
}

struct Filter<'a> {
    remainder_bytes: usize,
    bits: u32,
    starts: Vec<u32>,
    remainders: &'a [u8],
}

impl<'a> Filter<'a> {
    fn read(count: u32, body: &'a [u8], remainder_bytes: usize) -> Option<Self> {
        let (&written, rest) = body.split_first()?;
        if usize::from(written) != remainder_bytes || !(1..=MAX_REMAINDER_BYTES).contains(&remainder_bytes) {
            return None;
        }
        // 8 to 16 values a bucket, one bucket below 16 values.
        let bits = (u32::BITS - count.leading_zeros()).saturating_sub(4);
        let (counts, remainders) = rest.split_at_checked(1usize << bits)?;
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut total = 0u32;
        starts.push(0);
        for &one in counts {
            if one >= MORE {
                return None;
            }
            total += u32::from(one); // 2^28 buckets of 127 at most, which fits
            starts.push(total);
        }
        if total != count || remainders.len() != count as usize * remainder_bytes {
            return None;
        }
        let filter = Self { remainder_bytes, bits, starts, remainders };
        filter.ascends().then_some(filter)
    }

    fn ascends(&self) -> bool {
        self.starts.windows(2).all(|ends| {
            let inside = self.slice(ends[0], ends[1]);
            inside
                .chunks_exact(self.remainder_bytes)
                .zip(inside.chunks_exact(self.remainder_bytes).skip(1))
                .all(|(one, next)| one < next)
        })
    }

    fn slice(&self, first: u32, last: u32) -> &[u8] {
        &self.remainders[first as usize * self.remainder_bytes..last as usize * self.remainder_bytes]
    }

    fn holds(&self, value: &[u8; VALUE_BYTES]) -> bool {
        let (head, _) = value.split_at(16);
        let head = u128::from_be_bytes(head.try_into().expect("16 bytes"));
        let bucket = if self.bits == 0 { 0 } else { (head >> (u128::BITS - self.bits)) as usize };
        let rest = (head << self.bits).to_be_bytes();
        let wanted = &rest[..self.remainder_bytes];
        self.slice(self.starts[bucket], self.starts[bucket + 1])
            .chunks_exact(self.remainder_bytes)
            .any(|remainder| remainder == wanted)
    }
}
