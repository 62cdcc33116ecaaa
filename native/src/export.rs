//! The common case of an export file: key records whose every field is plain and in range (SPEC.md 8.5.2, 8.5.3).
//!
//! Whatever is not plain is left where it is, for the reader that says what is wrong with it.

/// Bytes of an entry: key, rolling start (u32 big-endian), rolling period, report type, days since onset (127 unknown).
pub const ENTRY_BYTES: usize = 23;

const KEY_BYTES: usize = 16;
const KEY_RECORD: u8 = 0x3a;
const KEY_DATA: [u8; 2] = [0x0a, 0x10];
const DEFAULT_PERIOD: u32 = 144;
const MAX_RISK: u32 = 8;
const MAX_REPORT_TYPE: u32 = 5;
const MAX_ONSET: i32 = 14;
const ONSET_UNKNOWN: u8 = 127;
const MAX_VARINT_BYTES: usize = 4;

/// What was taken off the front of some bytes.
pub struct Taken {
    /// The entries, one behind the other.
    pub entries: Vec<u8>,
    /// How many bytes of the file they were.
    pub bytes: usize,
}

/// Take plain key records off the front of `data`, at most `most`; `max_start` is the last rolling start in range.
#[must_use]
pub fn take_records(data: &[u8], most: usize, max_start: u32) -> Taken {
    let mut entries = Vec::with_capacity(ENTRY_BYTES * most.min(data.len() / (KEY_BYTES + 4)));
    let mut bytes = 0;
    for _ in 0..most {
        let Some((entry, length)) = plain_record(&data[bytes..], max_start) else {
            break;
        };
        entries.extend_from_slice(&entry);
        bytes += length;
    }
    Taken { entries, bytes }
}

fn plain_record(data: &[u8], max_start: u32) -> Option<([u8; ENTRY_BYTES], usize)> {
    let (head, rest) = data.split_at_checked(2)?;
    if head[0] != KEY_RECORD || head[1] > 0x7f {
        return None;
    }
    let length = usize::from(head[1]);
    let body = rest.get(..length)?;
    let (label, body) = body.split_at_checked(2)?;
    if label != KEY_DATA {
        return None;
    }
    let (key, fields) = body.split_at_checked(KEY_BYTES)?;
    let numbers = numbers(fields)?;
    let start = numbers[1].filter(|&start| (1..=max_start).contains(&start))?;
    let period = numbers[2].unwrap_or(DEFAULT_PERIOD);
    let report = numbers[3].unwrap_or(0);
    if numbers[0].unwrap_or(0) > MAX_RISK
        || !(1..=DEFAULT_PERIOD).contains(&period)
        || report > MAX_REPORT_TYPE
    {
        return None;
    }
    let onset = match numbers[4] {
        None => ONSET_UNKNOWN,
        Some(zigzag) => {
            let days = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
            u8::from_ne_bytes(i8::try_from(days).ok().filter(|_| days.abs() <= MAX_ONSET)?.to_ne_bytes())
        }
    };
    let mut entry = [0; ENTRY_BYTES];
    entry[..KEY_BYTES].copy_from_slice(key);
    entry[KEY_BYTES..KEY_BYTES + 4].copy_from_slice(&start.to_be_bytes());
    entry[20] = u8::try_from(period).ok()?;
    entry[21] = u8::try_from(report).ok()?;
    entry[22] = onset;
    Some((entry, 2 + length))
}

/// Fields 2 to 6, each a short number that stands there once; `None` if there is anything else.
fn numbers(mut fields: &[u8]) -> Option<[Option<u32>; 5]> {
    let mut found = [None; 5];
    while let Some((&tag, rest)) = fields.split_first() {
        if tag & 7 != 0 {
            return None;
        }
        let place = found.get_mut(usize::from(tag >> 3).checked_sub(2)?)?;
        let (value, rest) = varint(rest)?;
        if place.replace(value).is_some() {
            return None;
        }
        fields = rest;
    }
    Some(found)
}

fn varint(data: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0;
    for (place, &byte) in data.iter().enumerate().take(MAX_VARINT_BYTES) {
        value |= u32::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some((value, &data[place + 1..]));
        }
    }
    None
}
