use super::*;

/// A short one, for tests.
const MAX_BYTES: usize = 100;

fn written(given: &str, irqs: &[u32]) -> Result<String, String> {
    text(given, irqs, MAX_BYTES)
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|error| error.to_string())
}

#[test]
fn a_command_line_is_given_as_it_is() {
    assert_eq!(
        written("console=ttyS0 a=\"b c\" -- init", &[]).unwrap(),
        "console=ttyS0 a=\"b c\" -- init"
    );
    assert_eq!(written("", &[]).unwrap(), "");
}

#[test]
fn mmio_devices_are_announced_before_what_init_is_told() {
    assert_eq!(
        written("quiet -- single", &[5, 6]).unwrap(),
        "quiet virtio_mmio.device=4K@0xf0000000:5 virtio_mmio.device=4K@0xf0001000:6 -- single"
    );
    assert_eq!(
        written("", &[5]).unwrap(),
        "virtio_mmio.device=4K@0xf0000000:5"
    );
}

#[test]
fn one_that_is_too_long_is_refused_with_its_length() {
    assert!(written(&"x".repeat(MAX_BYTES), &[]).is_ok());
    let error = written(&"x".repeat(MAX_BYTES + 1), &[]).unwrap_err();
    assert!(
        error.contains("it has 101 bytes") && error.contains("up to 100"),
        "{error}"
    );
    // What we add counts as well.
    assert!(written(&"x".repeat(MAX_BYTES - 1), &[5]).is_err());
}

#[test]
fn a_character_that_no_kernel_takes_is_shown_escaped() {
    for (odd, shown) in [
        ("a\nb", "'\\n'"),
        ("a\0b", "'\\0'"),
        ("\u{1b}[2J", "'\\u{1b}'"),
        ("ä", "'ä'"),
    ] {
        let error = written(odd, &[]).unwrap_err();
        assert!(error.contains(shown), "{error}");
    }
}
