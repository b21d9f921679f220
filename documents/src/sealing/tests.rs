//! What opens, and what does not.

use super::*;

fn key(id: u128, byte: u8) -> DataKey {
    DataKey::new(Uuid::from_u128(id), &zeroize::Zeroizing::new([byte; 32]))
}

fn place() -> DocumentPlace {
    DocumentPlace {
        ledger: "main".parse().unwrap(),
        person: OwnerKey::new(Uuid::from_u128(1)),
        case: CaseId::new(Uuid::from_u128(2)),
        document: Uuid::from_u128(3),
    }
}

fn clear(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..))
        .take(length)
        .collect()
}

fn seal(key: &DataKey, clear: &[u8], step: usize) -> Vec<u8> {
    let (mut sealer, header) = Sealer::begin(key, &place()).unwrap();
    let mut sealed = header.to_vec();
    for part in clear.chunks(step) {
        for piece in sealer.push(part).unwrap() {
            sealed.extend_from_slice(&piece);
        }
    }
    sealed.extend_from_slice(&sealer.finish().unwrap());
    sealed
}

fn open(
    key: &DataKey,
    place: &DocumentPlace,
    sealed: &[u8],
    step: usize,
) -> Result<Vec<u8>, SealingFault> {
    let mut opener = Opener::new(key, place);
    let mut clear = Vec::new();
    for part in sealed.chunks(step) {
        for piece in opener.push(part)? {
            clear.extend_from_slice(&piece);
        }
    }
    clear.extend_from_slice(&opener.finish()?);
    Ok(clear)
}

#[test]
fn what_is_sealed_opens_again_however_it_is_cut() {
    let key = key(1, 1);
    for length in [
        1,
        100,
        PIECE_BYTES - 1,
        PIECE_BYTES,
        PIECE_BYTES + 1,
        2 * PIECE_BYTES,
        3 * PIECE_BYTES + 17,
    ] {
        let clear = clear(length);
        for step in [1_000, PIECE_BYTES, 5 * PIECE_BYTES] {
            let sealed = seal(&key, &clear, step);
            let pieces = length.div_ceil(PIECE_BYTES);
            assert_eq!(sealed.len(), HEADER_BYTES + length + pieces * TAG_BYTES);
            for step in [7_777, PIECE_BYTES + TAG_BYTES, 5 * PIECE_BYTES] {
                assert_eq!(open(&key, &place(), &sealed, step).unwrap(), clear);
            }
            let shown = clear.chunks(64).next().unwrap();
            assert!(length < 64 || !sealed.windows(64).any(|window| window == shown));
        }
    }
}

#[test]
fn pieces_that_are_cut_off_swapped_doubled_or_added_do_not_open() {
    let key = key(1, 1);
    let sealed = seal(&key, &clear(3 * PIECE_BYTES + 100), PIECE_BYTES);
    let (header, pieces) = sealed.split_at(HEADER_BYTES);
    let pieces: Vec<&[u8]> = pieces.chunks(PIECE_BYTES + TAG_BYTES).collect();
    assert_eq!(pieces.len(), 4);
    let joined = |order: &[usize]| {
        let mut all = header.to_vec();
        for index in order {
            all.extend_from_slice(pieces[*index]);
        }
        all
    };
    assert!(open(&key, &place(), &joined(&[0, 1, 2, 3]), 9_999).is_ok());
    for order in [
        &[][..],
        &[0],
        &[0, 1, 2],
        &[3],
        &[0, 1, 3],
        &[0, 2, 1, 3],
        &[0, 1, 1, 2, 3],
        &[0, 1, 2, 3, 3],
        &[3, 0, 1, 2],
        &[0, 1, 2, 3, 0, 1, 2, 3],
    ] {
        assert!(
            open(&key, &place(), &joined(order), 9_999).is_err(),
            "{order:?}"
        );
    }
    for length in [0, 1, HEADER_BYTES, HEADER_BYTES + 15, sealed.len() - 1] {
        assert!(
            open(&key, &place(), &sealed[..length], 9_999).is_err(),
            "{length}"
        );
    }
    for added in [1, TAG_BYTES, PIECE_BYTES] {
        let longer = [&sealed[..], &vec![0; added]].concat();
        assert!(open(&key, &place(), &longer, 9_999).is_err(), "{added}");
    }
}

#[test]
fn no_bit_can_be_changed() {
    let key = key(1, 1);
    let sealed = seal(&key, &clear(300), 300);
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(open(&key, &place(), &changed, 9_999).is_err(), "{index}");
    }
}

#[test]
fn a_document_opens_only_as_itself_and_under_its_key() {
    let own = key(1, 1);
    let sealed = seal(&own, &clear(300), 300);
    let others = [
        DocumentPlace {
            ledger: "other".parse().unwrap(),
            ..place()
        },
        DocumentPlace {
            person: OwnerKey::new(Uuid::from_u128(9)),
            ..place()
        },
        DocumentPlace {
            case: CaseId::new(Uuid::from_u128(9)),
            ..place()
        },
        DocumentPlace {
            document: Uuid::from_u128(9),
            ..place()
        },
    ];
    for other in others {
        assert!(open(&own, &other, &sealed, 9_999).is_err(), "{other:?}");
    }
    // Another key, the same key under another id, and another key under the same id.
    for other in [key(2, 2), key(2, 1), key(1, 2)] {
        assert!(open(&other, &place(), &sealed, 9_999).is_err());
    }
    assert_ne!(sealed, seal(&own, &clear(300), 300));
}
