//! What must hold for any bytes: the targets of `cargo fuzz`, and the replay of the inputs that were kept.

#![allow(clippy::pedantic)] // a law may panic, and its numbers are small

use anopticon_native::{filter_hits, rolling, stream, take_records, Rolling, Stream, ValueSet, ENTRY_BYTES};

/// Records are taken whole and in range, and the same ones however many are asked for at a time.
pub fn records(data: &[u8]) {
    const LAST: u32 = 3_000_000;
    let all = take_records(data, 1_000, LAST);
    assert!(all.bytes <= data.len());
    assert_eq!(all.entries.len() % ENTRY_BYTES, 0);
    let (mut entries, mut at) = (Vec::new(), 0);
    loop {
        let one = take_records(&data[at..], 1, LAST);
        if one.entries.is_empty() {
            assert_eq!(one.bytes, 0);
            break;
        }
        entries.extend(one.entries);
        at += one.bytes;
    }
    if entries.len() <= 1_000 * ENTRY_BYTES {
        assert_eq!((entries, at), (all.entries.clone(), all.bytes));
    }
    for entry in all.entries.chunks(ENTRY_BYTES) {
        let start = u32::from_be_bytes(entry[16..20].try_into().unwrap());
        assert!((1..=LAST).contains(&start));
        assert!((1..=144).contains(&entry[20]) && entry[21] <= 5);
        assert!(entry[22] == 127 || i8::from_ne_bytes([entry[22]]).abs() <= 14);
    }
}

/// A filter that is read holds what a search of its whole body finds, and no more.
pub fn filter(data: &[u8]) {
    let Some((&[count, width, first, second], body)) = data.split_first_chunk() else { return };
    let values: Vec<u8> = [first, second].iter().flat_map(|byte| [*byte; 32]).collect();
    let width = usize::from(width % 10);
    let Some(held) = filter_hits(u32::from(count), body, &values, width) else { return };
    let bits = (32 - u32::from(count).leading_zeros()).saturating_sub(4);
    let counts = &body[1..=1 << bits];
    let mut remainders = body[1 + counts.len()..].chunks(width);
    let mut expected = [false; 2];
    for (bucket, number) in counts.iter().enumerate() {
        for remainder in remainders.by_ref().take(usize::from(*number)) {
            for (found, byte) in expected.iter_mut().zip([first, second]) {
                let value = u128::from_be_bytes([byte; 16]);
                let ours = if bits == 0 { 0 } else { (value >> (128 - bits)) as usize };
                *found |= ours == bucket && (value << bits).to_be_bytes()[..width] == *remainder;
            }
        }
    }
    assert!(remainders.next().is_none());
    let expected: Vec<i64> = (0..2).filter(|number| expected[*number as usize]).collect();
    assert_eq!(held, expected);
}

/// Any entries, sound or not, are expanded without a fault, and what is found is what is among the values.
pub fn entries(data: &[u8]) {
    let Some((head, rest)) = data.split_at_checked(64) else { return };
    let values = ValueSet::new(head);
    for (found, value) in head.chunks(16).enumerate() {
        let number = values.find(value.try_into().unwrap()).unwrap();
        assert_eq!(head[number as usize * 16..][..16], head[found * 16..][..16]);
    }
    let form = Rolling { entry_bytes: ENTRY_BYTES, secret_bytes: 16, label: b"EN-RPIK", most_slots: 144 };
    for [entry, position, number] in rolling(&form, rest, &values) {
        assert!(entry < (rest.len() / ENTRY_BYTES) as i64 && position < 144 && number < 4);
    }
    let form = Stream {
        entry_bytes: 20,
        secret_bytes: 16,
        label: b"label",
        per_slot: 3,
        most_slots: 2,
        last_slot: i64::from(rest.len() as u32) << 20,
    };
    for [entry, position, number] in stream(&form, rest, &values) {
        assert!(entry < (rest.len() / 20) as i64 && position < 6 && number < 4);
    }
}

#[test]
fn kept_inputs_break_no_law() {
    let names = ["records", "filter", "entries"];
    for (name, target) in names.into_iter().zip([records as fn(&[u8]), filter, entries]) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            target(&std::fs::read(file.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 2);
    }
}
