//! What a port's `grant.connect` may say.

use super::super::{LoadNothing, read};
use super::*;

fn load(targets: &str) -> Result<Vec<ConnectGrantSpec>, Vec<(String, String)>> {
    let text = format!("[[port]]\nname = \"a\"\nplugin = \"echo\"\ngrant.connect = [{targets}]\n");
    match read(Source::new("/etc/vm/demo.toml", text), &mut LoadNothing) {
        Ok(loaded) => Ok(loaded.spec.ports[0].grant.connect.clone()),
        Err(faults) => Err(faults
            .faults()
            .iter()
            .map(|fault| (fault.what.clone(), fault.help.clone()))
            .collect()),
    }
}

fn one_fault(targets: &str) -> (String, String) {
    let mut faults = load(targets).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn targets_have_a_name_and_an_address() {
    let targets = load(
        "{ name = \"broker\", address = \"tcp:127.0.0.1:5672\" }, \
         { name = \"six\", address = \"tcp:[::1]:5672\" }, \
         { name = \"here\", address = \"unix:run/x.sock\" }, \
         { name = \"there\", address = \"unix:/run/x.sock\" }",
    );
    let told: Vec<_> = targets
        .unwrap()
        .iter()
        .map(|target| format!("{} {}", target.name.value, target.address.0))
        .collect();
    assert_eq!(
        told,
        [
            "broker tcp:127.0.0.1:5672",
            "six tcp:[::1]:5672",
            "here unix:/etc/vm/run/x.sock",
            "there unix:/run/x.sock"
        ]
    );
}

#[test]
fn an_address_is_in_numbers_and_of_a_known_kind() {
    for (address, expected) in [
        (
            "tcp:localhost:5672",
            "`address` has no address and port in numbers",
        ),
        (
            "tcp:127.0.0.1",
            "`address` has no address and port in numbers",
        ),
        (
            "tcp:127.0.0.1:0",
            "`address` has no address and port in numbers",
        ),
        (
            "tcp:127.0.0.1:99999",
            "`address` has no address and port in numbers",
        ),
        ("udp:127.0.0.1:1", "`address` is no target's address"),
        ("unix:", "`address` is no target's address"),
        ("/run/x.sock", "`address` is no target's address"),
    ] {
        let (what, help) = one_fault(&format!("{{ name = \"a\", address = \"{address}\" }}"));
        assert_eq!(what, expected, "{address}");
        assert!(help.contains("tcp:127.0.0.1:5672"), "{help}");
    }
    let long = format!(
        "{{ name = \"a\", address = \"unix:/{}\" }}",
        "s".repeat(107)
    );
    assert_eq!(one_fault(&long).0, "the socket's path has 108 bytes");
}

#[test]
fn names_are_bounded_and_given_once() {
    let target = |name: &str| format!("{{ name = \"{name}\", address = \"tcp:127.0.0.1:1\" }}");
    assert_eq!(one_fault(&target(&"x".repeat(65))).0, "`name` has 65 bytes");
    assert_eq!(
        one_fault(&target("a\\u001b")).0,
        "`name` has a control character"
    );
    let twice = [target("a"), target("a")].join(", ");
    assert_eq!(one_fault(&twice).0, "two targets have the name `a`");
    let many: Vec<_> = (0..17).map(|id| target(&format!("t{id}"))).collect();
    assert_eq!(
        one_fault(&many.join(", ")).0,
        "`grant.connect` has more than 16 targets"
    );
    let faults = load("{}").unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}
