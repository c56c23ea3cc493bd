//! Sizes and times.

use super::*;

fn size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(ByteSize::bytes)
        .map_err(|invalid| invalid.what)
}

fn time_ms(text: &str) -> Result<u128, String> {
    text.parse::<TimeSpan>()
        .map(|time| time.duration().as_millis())
        .map_err(|invalid| invalid.what)
}

#[test]
fn sizes_have_units_of_1024() {
    assert_eq!(size("4096"), Ok(4096));
    assert_eq!(size("1B"), Ok(1));
    assert_eq!(size("64KiB"), Ok(65_536));
    assert_eq!(size("10 MiB"), Ok(10_485_760));
    assert_eq!(size("1GiB"), Ok(1_073_741_824));
    assert_eq!(size("0"), Ok(0));
}

#[test]
fn what_means_different_things_to_different_people_is_no_size() {
    assert_eq!(
        size("10MB"),
        Err("has the unit `MB`, not known here".into())
    );
    assert_eq!(
        size("10kB"),
        Err("has the unit `kB`, not known here".into())
    );
    assert_eq!(
        size("1.5MiB"),
        Err("has the unit `.5MiB`, not known here".into())
    );
    assert_eq!(size("MiB"), Err("is no size".into()));
    assert_eq!(size("-1"), Err("is no size".into()));
    assert_eq!(
        size(&format!("{}GiB", u64::MAX)),
        Err("is more than there is memory".into())
    );
    assert_eq!(
        size("99999999999999999999"),
        Err("is more than there is memory".into())
    );
}

#[test]
fn rates_have_units_a_second() {
    let rate = |text: &str| {
        text.parse::<ByteRate>()
            .map(ByteRate::bytes)
            .map_err(|invalid| invalid.what)
    };
    assert_eq!(rate("8MiB/s"), Ok(8 << 20));
    assert_eq!(rate("1 B/s"), Ok(1));
    assert_eq!(
        rate("8MiB"),
        Err("has the unit `MiB`, not known here".into())
    );
    assert_eq!(rate("8"), Err("has no unit".into()));
    assert_eq!(rate("fast"), Err("is no rate".into()));
    assert_eq!(ByteRate::from_bytes(64 << 10).to_string(), "64KiB/s");
}

#[test]
fn times_have_units() {
    assert_eq!(time_ms("50ms"), Ok(50));
    assert_eq!(time_ms("5s"), Ok(5_000));
    assert_eq!(time_ms("1m"), Ok(60_000));
    assert_eq!(time_ms("5"), Err("has no unit".into()));
    assert_eq!(
        time_ms("5h"),
        Err("has the unit `h`, not known here".into())
    );
    assert_eq!(time_ms("soon"), Err("is no time".into()));
    assert_eq!(
        time_ms("99999999999999999999ms"),
        Err("is longer than anything lasts".into())
    );
}

#[test]
fn quantities_are_shown_with_the_largest_unit_that_leaves_them_whole() {
    let sizes =
        [0, 1, 1023, 1024, 1536, 16 << 20, 3 << 30].map(|bytes| ByteSize(bytes).to_string());
    assert_eq!(
        sizes,
        ["0B", "1B", "1023B", "1KiB", "1536B", "16MiB", "3GiB"]
    );
    let times = [1, 1500, 5000, 60_000].map(|time_ms| TimeSpan::from_ms(time_ms).to_string());
    assert_eq!(times, ["1ms", "1500ms", "5s", "1m"]);
}

#[test]
fn bounds_say_which_is_passed_and_why_it_is_there() {
    let bounds = Bounds {
        least: ByteSize(1),
        most: ByteSize(4096),
        reason: "a page",
    };
    assert_eq!(bounds.check(&ByteSize(1)), Ok(()));
    assert_eq!(bounds.check(&ByteSize(4096)), Ok(()));
    let Invalid { what, help } = bounds.check(&ByteSize(0)).unwrap_err();
    assert_eq!(
        (what.as_str(), help.as_str()),
        (
            "is 0B, less than the 1B allowed",
            "write 1B to 4KiB: a page"
        )
    );
    assert_eq!(
        bounds.check(&ByteSize(4097)).unwrap_err().what,
        "is 4097B, more than the 4KiB allowed"
    );
}
