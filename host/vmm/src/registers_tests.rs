//! Any access, at any offset.

use proptest::prelude::*;

use super::*;

#[test]
fn what_is_past_the_end_is_zero_and_stays_away() {
    let mut registers = [1, 2, 3];
    set(&mut registers, 2, &[9, 9]);
    set(&mut registers, u64::MAX, &[9]);
    for (offset, expected) in [(0, [1, 2]), (2, [9, 0]), (3, [0, 0]), (u64::MAX, [0, 0])] {
        let mut into = [0xaa; 2];
        read(&registers, offset, &mut into);
        assert_eq!(into, expected, "{offset}");
    }
}

proptest! {
    #[test]
    fn a_write_changes_the_bits_that_it_may_and_no_others(
        before: [u8; 16],
        masks: [u8; 16],
        offset in 0..20_u64,
        bytes in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut after = before;
        write(&mut after, masks.iter(), offset, &bytes);
        for (at, (before, after)) in (0_u64..).zip(before.iter().zip(&after)) {
            let written = at.checked_sub(offset).and_then(|at| bytes.get(usize::try_from(at).unwrap()));
            let mask = masks[usize::try_from(at).unwrap()];
            let expected = written.map_or(*before, |byte| before & !mask | byte & mask);
            prop_assert_eq!(*after, expected);
        }
    }
}
