//! What a port's `listen` may say.

use std::fs;

use super::super::{LoadNothing, Loaded, read};
use super::*;

const PORT: &str = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";

fn load(keys: &str) -> Result<Loaded, Vec<(String, String)>> {
    let source = Source::new("demo.toml", format!("{PORT}{keys}\n"));
    read(source, &mut LoadNothing).map_err(|faults| {
        let faults = faults.faults().iter();
        faults
            .map(|fault| (fault.what.clone(), fault.help.clone()))
            .collect()
    })
}

fn listen(keys: &str) -> ListenSpec {
    let loaded = load(keys).unwrap();
    loaded.spec.ports[0].listen.clone().unwrap()
}

fn one_fault(keys: &str) -> (String, String) {
    let mut faults = load(keys).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn a_path_alone_is_our_users_with_the_defaults() {
    let spec = listen("listen = \"a.sock\"");
    assert_eq!(spec.path.unwrap().value, Path::new("a.sock"));
    assert_eq!(spec.mode.bits(), 0o600);
    assert_eq!((spec.owner, spec.group, spec.fd), (None, None, None));
    assert_eq!((spec.clients.0, spec.buffer.bytes()), (16, 64 << 10));
    assert_eq!(load("").unwrap().spec.ports[0].listen, None);
}

#[test]
fn a_table_says_the_rest() {
    let spec = listen(
        "listen = { path = \"a.sock\", mode = \"0660\", owner = \"root\", group = \"12\", \
         clients = 3, buffer = \"4KiB\" }",
    );
    assert_eq!(spec.mode.bits(), 0o660);
    assert_eq!(spec.owner, Some(UserId(0)));
    assert_eq!(spec.group, Some(GroupId(12)));
    assert_eq!((spec.clients.0, spec.buffer.bytes()), (3, 4 << 10));
    let spec = listen("listen = { fd = \"agent.socket\" }");
    assert_eq!(spec.fd.unwrap().value.as_str(), "agent.socket");
}

#[test]
fn a_socket_is_made_or_passed_in_and_not_both() {
    let (what, _) = one_fault("listen = { path = \"a.sock\", fd = \"a\" }");
    assert_eq!(what, "`listen` has both `path` and `fd`");
    let (what, help) = one_fault("listen = { clients = 3 }");
    assert_eq!(what, "`listen` does not say where");
    assert!(help.contains("`path = "), "{help}");
    for key in ["mode = \"0660\"", "owner = \"0\"", "group = \"0\""] {
        let (what, help) = one_fault(&format!("listen = {{ fd = \"a\", {key} }}"));
        assert!(what.ends_with("is of a socket that is made"), "{what}");
        assert!(help.contains("service manager"), "{help}");
    }
}

#[test]
fn values_that_cannot_be_are_told_with_what_can() {
    for (keys, expected) in [
        ("mode = \"0999\"", "`listen.mode` is no mode"),
        ("mode = \"01777\"", "`listen.mode` is no mode"),
        ("mode = \"+660\"", "`listen.mode` is no mode"),
        ("mode = \"0444\"", "`listen.mode` lets nobody connect"),
        (
            "owner = \"nobody of this name\"",
            "`listen.owner` names no user of this system",
        ),
        (
            "group = \"nobody of this name\"",
            "`listen.group` names no group of this system",
        ),
        (
            "owner = \"4294967295\"",
            "`listen.owner` is no user's number",
        ),
        (
            "clients = 1025",
            "`listen.clients` is 1025, more than the 1024 allowed",
        ),
        (
            "buffer = \"1KiB\"",
            "`listen.buffer` is 1KiB, less than the 4KiB allowed",
        ),
    ] {
        let (what, _) = one_fault(&format!("listen = {{ path = \"a.sock\", {keys} }}"));
        assert_eq!(what, expected);
    }
    for name in ["a:b", "a\\u0007", "\u{e4}"] {
        let (what, _) = one_fault(&format!("listen = {{ fd = \"{name}\" }}"));
        assert_eq!(what, "`listen.fd` is no name of a passed socket");
    }
}

#[test]
fn clients_beyond_all_channels_can_never_be() {
    let (what, help) = one_fault("listen = { fd = \"a\", clients = 65 }");
    assert_eq!(what, "`listen.clients` can never be reached");
    assert!(help.contains("`limit.channels`"), "{help}");
    let fits = "limit.channels = 65\nlisten = { fd = \"a\", clients = 65 }";
    assert!(load(fits).is_ok());
    // What nobody wrote is nobody's mistake.
    assert!(load("limit = { channels = 3, connects = 1 }\nlisten.fd = \"a\"").is_ok());
}

#[test]
fn a_path_where_no_socket_can_be_is_told() {
    let (what, _) = one_fault(&format!("listen = \"/{}\"", "s".repeat(108)));
    assert_eq!(what, "the socket's path has 109 bytes");
    let (what, help) = one_fault("listen = \"/nonexistent/a.sock\"");
    assert_eq!(what, "the directory `/nonexistent` does not exist");
    assert_eq!(help, "create it: mkdir -p '/nonexistent'");
}

#[test]
fn no_socket_is_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    let other = |listen: &str| {
        format!(
            "listen = \"{shown}/real/a.sock\"\n\
             [[port]]\nname = \"b\"\nplugin = \"echo\"\nlisten = {listen}"
        )
    };
    let (what, _) = one_fault(&other(&format!("\"{shown}/real/a.sock\"")));
    assert_eq!(
        what,
        format!("the socket `{shown}/real/a.sock` is taken twice")
    );
    let (what, _) = one_fault(&other(&format!("\"{shown}/link/a.sock\"")));
    assert_eq!(
        what,
        format!("the socket `{shown}/link/a.sock` is taken twice")
    );
    assert!(load(&other(&format!("\"{shown}/real/b.sock\""))).is_ok());
    let (what, _) = one_fault(
        "listen.fd = \"a\"\n[[port]]\nname = \"b\"\nplugin = \"echo\"\nlisten.fd = \"a\"",
    );
    assert_eq!(what, "the socket `a` is taken twice");
    let (what, _) = one_fault("listen = \"a.sock\"\n[metrics]\nsocket = \"a.sock\"");
    assert_eq!(what, "the socket `a.sock` is taken twice");
}
