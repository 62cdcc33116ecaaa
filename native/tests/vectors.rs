//! Published values, and the edges of what is searched. The comparison with Python is in tests/client/matching.

use anopticon_native::{filter_hits, rolling, stream, take_records, Rolling, Stream, ValueSet};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The day vector of Exposure Notification v1.2: first and last identifier of its key.
#[test]
fn official_rolling_identifiers_are_found() {
    let mut entry = bytes("75c734c6dd1a782de7a965da5eb93125");
    entry.extend(2_642_976_u32.to_be_bytes());
    entry.extend([144, 1, 127]);
    let values = ValueSet::new(&bytes(concat!(
        "f431b62ecf443102ce4ed0407de54bd4",
        "00000000000000000000000000000000",
        "8be6cd371c5c891604bfbe49df845096",
    )));
    let form = Rolling { entry_bytes: 23, secret_bytes: 16, label: b"EN-RPIK", most_slots: 144 };
    assert_eq!(rolling(&form, &entry, &values), [[0, 0, 2], [0, 143, 0]]);
    entry[20] = 143;
    assert_eq!(rolling(&form, &entry, &values), [[0, 0, 2]]);
}

/// The reference implementation of DP-3T: the zero key's first and last identifier, and the first of the next day.
#[test]
fn reference_low_cost_identifiers_are_found() {
    let values = ValueSet::new(&bytes(concat!(
        "eb0958c011492732c59e3ed2a5eef01d",
        "c2ff48f3a5ee557ee6a05b837eeae882",
        "04cab76af57ca373de1d52689fae06c1",
    )));
    let entry = [vec![0; 32], 18_500_u32.to_be_bytes().to_vec()].concat();
    let form = Stream {
        entry_bytes: 36,
        secret_bytes: 32,
        label: b"broadcast key",
        per_slot: 96,
        most_slots: 16,
        last_slot: 18_501,
    };
    assert_eq!(stream(&form, &entry, &values), [[0, 0, 0], [0, 95, 1], [0, 96, 2]]);
    assert_eq!(stream(&Stream { last_slot: 18_500, ..form }, &entry, &values), [[0, 0, 0], [0, 95, 1]]);
    assert!(stream(&Stream { last_slot: 18_499, ..form }, &entry, &values).is_empty());
}

/// Nothing stored, and values that differ in their last bit only.
#[test]
fn sets_hold_their_values_and_no_others() {
    assert!(ValueSet::new(&[]).is_empty());
    assert_eq!(ValueSet::new(&[]).find(&[0; 16]), None);
    let alike: Vec<u8> = (0..1_000_u128).flat_map(|number| (number * 2).to_be_bytes()).collect();
    let set = ValueSet::new(&alike);
    assert_eq!(set.len(), 1_000);
    for number in 0..2_000_u128 {
        let expected = if number % 2 == 0 { u32::try_from(number / 2).ok() } else { None };
        assert_eq!(set.find(&number.to_be_bytes()), expected);
    }
}

/// The worked examples of SPEC.md 8.4, and what is not the plain form.
#[test]
fn filters_are_asked_or_left_to_the_reader() {
    let value = [bytes("a3cee22614dd8a"), vec![0; 25]].concat();
    assert_eq!(filter_hits(1, &bytes("0701a3cee22614dd8a"), &value, 7), Some(vec![0]));
    assert_eq!(filter_hits(0, &bytes("0700"), &value, 7), Some(vec![]));
    for (count, body) in
        [(1, ""), (1, "0601a3cee22614dd8a"), (1, "078100a3cee22614dd8a"), (2, "0701a3cee22614dd8a")]
    {
        assert_eq!(filter_hits(count, &bytes(body), &value, 7), None);
    }
    assert_eq!(filter_hits(u32::MAX, &[7; 100], &value, 7), None);
}

/// Cut anywhere, a record is not taken.
#[test]
fn records_are_taken_whole_or_not() {
    let record = bytes("3a1d0a10000102030405060708090a0b0c0d0e0f100118b0dfa10128013004");
    let whole = record.as_slice();
    let taken = take_records(&[whole, whole].concat(), 5, 3_000_000);
    assert_eq!((taken.bytes, taken.entries.len()), (62, 46));
    assert_eq!(taken.entries[16..23], [0, 0x28, 0x6f, 0xb0, 144, 1, 2]);
    for length in 0..whole.len() {
        assert_eq!(take_records(&whole[..length], 5, 3_000_000).bytes, 0);
    }
    assert_eq!(take_records(whole, 5, 1_000).bytes, 0);
    assert_eq!(take_records(whole, 0, 3_000_000).bytes, 0);
}
