use super::*;

#[test]
fn a_kvm_that_only_emulates_is_explained_with_the_instruction() {
    let words = VcpuFault::InternalError {
        suberror: 1,
        address: 0xffff_ffff_8100_0000,
        instruction: vec![0x0f, 0xae, 0x21],
    }
    .to_string();
    for part in [
        "suberror 1",
        "at 0xffffffff81000000",
        "instruction bytes 0f ae 21",
        "only emulates",
        "use a host with virtualization",
    ] {
        assert!(words.contains(part), "{words} does not say {part}");
    }
}

#[test]
fn other_internal_errors_are_named_without_that_advice() {
    for (suberror, name) in [
        (2, "two exceptions"),
        (3, "delivered"),
        (4, "unknown reason"),
        (9, "unknown"),
    ] {
        let words = VcpuFault::InternalError {
            suberror,
            address: 0,
            instruction: Vec::new(),
        }
        .to_string();
        assert!(words.contains(name), "{words}");
        assert!(
            !words.contains("emulates processors") && !words.contains("bytes"),
            "{words}"
        );
    }
}
