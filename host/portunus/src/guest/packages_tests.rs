//! Tests of what is read from apt.

use super::*;

#[test]
fn a_plan_names_each_package_file_and_its_size() {
    let said = "Reading package lists...\n\
        'http://archive/pool/u/uml.deb' user-mode-linux_6.1um4+b13_amd64.deb 41388548 MD5Sum:00\n\
        'http://archive/pool/b/bb.deb' busybox-static_1%3a1.35.0-4_amd64.deb 928188 \n";
    assert_eq!(
        parse_plan(said),
        [
            Package {
                file: "user-mode-linux_6.1um4+b13_amd64.deb".into(),
                bytes: 41_388_548
            },
            Package {
                file: "busybox-static_1%3a1.35.0-4_amd64.deb".into(),
                bytes: 928_188
            },
        ]
    );
}

#[test]
fn talk_and_broken_lines_are_no_packages() {
    assert_eq!(
        parse_plan("E: nothing\n'uri\n'uri' file\n'uri' file many\n\n"),
        []
    );
}

#[test]
fn an_error_repeats_only_the_last_words() {
    assert_eq!(last_lines(b"a\nb\n\n c \nd\ne\n"), "b; c; d; e");
    assert_eq!(last_lines(b""), "");
}

#[test]
fn a_file_that_is_no_package_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("bad.deb");
    std::fs::write(&package, "not a package").unwrap();
    let fault = unpack(&package, folder.path()).unwrap_err();
    assert!(
        fault.to_string().contains("bad.deb could not be unpacked"),
        "{fault}"
    );
}
