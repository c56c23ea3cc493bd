//! Tests of `size.rs`.

use proptest::prelude::*;

use super::*;

#[test]
fn each_unit_counts_what_its_name_says() {
    let bytes = |text: &str| text.parse::<ByteSize>().unwrap().bytes();
    assert_eq!(bytes("0B"), 0);
    assert_eq!(bytes("512B"), 512);
    assert_eq!(bytes("512"), 512);
    assert_eq!(bytes("8KiB"), 8 << 10);
    assert_eq!(bytes("10MiB"), 10 << 20);
    assert_eq!(bytes("1GiB"), 1 << 30);
}

#[test]
fn anything_else_is_refused_and_shown() {
    for text in [
        "",
        "MiB",
        "10MB",
        "10 MiB",
        "-1B",
        "1.5KiB",
        "10mib",
        "99999999999GiB",
    ] {
        let error = text.parse::<ByteSize>().unwrap_err();
        assert!(error.contains(&format!("`{text}`")), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bytes: u64) {
        let size = ByteSize::from_bytes(bytes);
        prop_assert_eq!(size.to_string().parse::<ByteSize>().unwrap(), size);
    }
}
