#![expect(
    clippy::arithmetic_side_effects,
    reason = "numbers of the test's own making"
)]

use proptest::prelude::*;

use super::*;

#[test]
fn an_initrd_ends_with_the_memory_it_may_use() {
    assert_eq!(
        place(4096, &(0x10_0000..0x20_0000)),
        Some(0x1f_f000..0x20_0000)
    );
    assert_eq!(
        place(1, &(0x10_0000..0x20_0000)),
        Some(0x1f_f000..0x1f_f001)
    );
    assert_eq!(
        place(0x10_0000, &(0x10_0000..0x20_0000)),
        Some(0x10_0000..0x20_0000)
    );
}

#[test]
fn an_initrd_that_does_not_fit_has_no_place() {
    assert_eq!(place(0x10_0001, &(0x10_0000..0x20_0000)), None);
    assert_eq!(place(u64::MAX, &(0x10_0000..0x20_0000)), None);
    // The kernel takes more than there is.
    let (start, end) = (0x30_0000, 0x20_0000);
    assert_eq!(place(1, &(start..end)), None);
}

proptest! {
    #[test]
    fn a_place_is_a_whole_page_on_and_free(bytes in any::<u64>(), start in any::<u64>(), end in any::<u64>()) {
        if let Some(place) = place(bytes, &(start..end)) {
            prop_assert!(start <= place.start && place.end <= end);
            prop_assert_eq!(place.start % PAGE_BYTES, 0);
            prop_assert_eq!(place.end - place.start, bytes);
        }
    }
}
