//! Tests of `services.rs`.

use portunus_plugin_sdk::testing::Host;

use super::*;
use crate::reply::Reply;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn services(config: &str) -> Services {
    Services::new(&Spec::parse(&Host::new().start(config)).unwrap())
}

fn hear(services: &mut Services, task: Task, reply: &str, now: Duration) -> Vec<Effect> {
    let reply = Reply::parse(reply.as_bytes()).unwrap();
    services.hear(task, Some(reply.outcome), now)
}

fn asked(effects: &[Effect]) -> Vec<&str> {
    let commands = effects.iter().filter_map(|effect| match effect {
        Effect::Ask(_, command) => Some(command.name.as_str()),
        _ => None,
    });
    commands.collect()
}

const INFO: &str = r#"{"return": {"version": "7.2.22", "supported_commands": [{"enabled": true, "name": "guest-get-cpustats"}, {"enabled": true, "name": "guest-get-memory-blocks"}, {"enabled": true, "name": "guest-get-memory-block-info"}, {"enabled": false, "name": "guest-get-load"}]}}"#;
const ERROR: &str = r#"{"error": {"class": "GenericError", "desc": "no\n"}}"#;
const LOCK: &str = r#"{
    "clients": [{"class": "viewer"}],
    "lock-on-disconnect": {"class": "viewer", "path": "/bin/lock"}
}"#;

#[test]
fn a_new_agent_is_asked_what_it_is() {
    let mut services = services("{}");
    let effects = services.agent_came();
    assert_eq!(asked(&effects), ["guest-info"]);
    assert!(effects.contains(&Effect::Gauge("agent_present", 1.0)));
    let effects = hear(&mut services, Task::Info, INFO, at(1));
    for (name, value) in [("major", 7.0), ("minor", 2.0), ("patch", 22.0)] {
        let gauge = |effect: &Effect| match effect {
            Effect::Gauge(found, number) => found.ends_with(name) && *number == value,
            _ => false,
        };
        assert!(effects.iter().any(gauge), "{name}: {effects:?}");
    }
    assert_eq!(asked(&effects), [""; 0]);
    assert_eq!(services.next_due(), None);
    let effects = services.agent_went(false);
    assert_eq!(effects, [Effect::Gauge("agent_present", 0.0)]);
}

#[test]
fn an_agent_that_does_not_say_what_it_is_is_served_all_the_same() {
    let mut services = services(r#"{"figures": "1s"}"#);
    services.agent_came();
    for reply in [ERROR, r#"{"return": 5}"#] {
        let effects = hear(&mut services, Task::Info, reply, at(1));
        assert!(matches!(&effects[..], [Effect::Warn(_)]), "{effects:?}");
    }
    assert_eq!(asked(&services.tick(at(1000))), [""; 0]);
}

#[test]
fn figures_that_the_agent_has_are_asked_for_at_an_interval() {
    let names = [
        "guest-get-cpustats",
        "guest-get-memory-block-info",
        "guest-get-memory-blocks",
    ];
    let mut services = services(r#"{"figures": "10s"}"#);
    services.agent_came();
    assert_eq!(services.next_due(), None);
    let effects = hear(&mut services, Task::Info, INFO, at(0));
    assert_eq!(asked(&effects), names);
    // Not again before those were answered, in whatever way.
    assert_eq!(asked(&services.tick(at(10_000))), [""; 0]);
    let size = Task::Figure(Figure::MemoryBlockSize);
    let blocks = Task::Figure(Figure::MemoryBlocks);
    let effects = hear(&mut services, size, r#"{"return": {"size": 100}}"#, at(2));
    assert_eq!(effects, [Effect::Gauge("memory_block_bytes", 100.0)]);
    let reply = r#"{"return": [{"online": true}, {"online": true}, {"online": false}]}"#;
    let effects = hear(&mut services, blocks, reply, at(2));
    assert!(
        effects.contains(&Effect::Gauge("memory_bytes", 200.0)),
        "{effects:?}"
    );
    let cpus = Task::Figure(Figure::Processors);
    let effects = hear(&mut services, cpus, ERROR, at(2));
    assert_eq!(effects, [Effect::Count("figures_failed")]);
    assert_eq!(services.next_due(), Some(at(20_000)));
    assert_eq!(asked(&services.tick(at(19_999))), [""; 0]);
    assert_eq!(asked(&services.tick(at(20_000))), names);
    let late = services.hear(cpus, None, at(20_001));
    assert_eq!(late, [Effect::Count("figures_failed")]);
    services.agent_went(false);
    assert_eq!(services.next_due(), None);
}

#[test]
fn sessions_are_locked_and_it_is_seen_to_that_they_are() {
    let mut services = services(LOCK);
    assert_eq!(services.locking_class(), Some("viewer"));
    assert_eq!(services.ask_lock(), None);
    services.lock();
    let effect = services.ask_lock().unwrap();
    assert_eq!(asked(&[effect]), ["guest-exec"]);
    assert_eq!(services.ask_lock(), None);
    assert_eq!(
        hear(
            &mut services,
            Task::Lock,
            r#"{"return": {"pid": 7}}"#,
            at(0)
        ),
        []
    );
    assert_eq!(services.next_due(), Some(at(500)));
    let looks = services.tick(at(500));
    let wanted = Command::plain("guest-exec-status").with("pid", 7);
    assert_eq!(looks, [Effect::Ask(Task::LockStatus, wanted)]);
    let running = r#"{"return": {"exited": false}}"#;
    assert_eq!(hear(&mut services, Task::LockStatus, running, at(500)), []);
    assert_eq!(services.tick(at(1000)).len(), 1);
    let ended = r#"{"return": {"exited": true, "exitcode": 0}}"#;
    let effects = hear(&mut services, Task::LockStatus, ended, at(1000));
    assert_eq!(effects[0], Effect::Count("locks"));
    assert_eq!(services.next_due(), None);
}

#[test]
fn a_lock_that_fails_is_said() {
    let failures = [
        (
            "ends",
            r#"{"return": {"exited": true, "exitcode": 1}}"#,
            "ended with 1",
        ),
        (
            "ends",
            r#"{"return": {"exited": true, "signal": 9}}"#,
            "signal 9",
        ),
        ("ends", r#"{"return": {"exited": true}}"#, "nobody knows"),
        ("refused", ERROR, r#"the agent says "no\n""#),
        ("refused", r#"{"return": {}}"#, "not understood"),
    ];
    for (when, reply, words) in failures {
        let mut services = services(LOCK);
        services.lock();
        services.ask_lock().unwrap();
        let effects = match when {
            "refused" => hear(&mut services, Task::Lock, reply, at(0)),
            _ => {
                hear(
                    &mut services,
                    Task::Lock,
                    r#"{"return": {"pid": 7}}"#,
                    at(0),
                );
                services.tick(at(500));
                hear(&mut services, Task::LockStatus, reply, at(500))
            }
        };
        let [Effect::Count("locks_failed"), Effect::Error(said)] = &effects[..] else {
            panic!("{effects:?}");
        };
        assert!(said.contains(words), "{said}");
        assert_eq!(services.next_due(), None);
    }
}

#[test]
fn a_program_that_does_not_end_is_not_looked_at_for_ever() {
    let mut services = services(LOCK);
    services.lock();
    services.ask_lock().unwrap();
    hear(
        &mut services,
        Task::Lock,
        r#"{"return": {"pid": 7}}"#,
        at(0),
    );
    let mut looks = 0;
    while let Some(at) = services.next_due() {
        assert_eq!(services.tick(at).len(), 1);
        services.hear(Task::LockStatus, None, at);
        looks += 1;
        assert!(looks <= 20);
    }
    assert_eq!(looks, 20);
}

#[test]
fn a_lock_that_no_agent_has_confirmed_is_asked_of_the_next() {
    let mut services = services(LOCK);
    services.lock();
    let effects = services.agent_came();
    assert_eq!(asked(&effects), ["guest-info", "guest-exec"]);
    hear(
        &mut services,
        Task::Lock,
        r#"{"return": {"pid": 7}}"#,
        at(0),
    );
    services.agent_went(false);
    assert_eq!(services.next_due(), None);
    let effects = services.agent_came();
    assert_eq!(asked(&effects), ["guest-info", "guest-exec"]);
}

#[test]
fn a_stop_has_the_guest_go_down_and_waits_for_that() {
    let mut services = services(r#"{"on-stop": "shutdown"}"#);
    services.agent_came();
    let effects = services.stop(at(5000), true);
    let shutdown = Command::plain("guest-shutdown").with("mode", "powerdown");
    assert_eq!(effects, [Effect::Ask(Task::Stop, shutdown)]);
    assert_eq!(services.next_due(), Some(at(5000)));
    // The agent did it, then it went, and then all of the guest.
    assert_eq!(services.went_down(), []);
    let effects = services.agent_went(false);
    assert!(!effects.contains(&Effect::Stopped), "{effects:?}");
    let effects = services.agent_went(true);
    assert!(effects.contains(&Effect::Stopped), "{effects:?}");
    assert_eq!(services.next_due(), None);
}

#[test]
fn a_stop_ends_where_the_guest_cannot_or_does_not_go_down() {
    let last = |effects: Vec<Effect>| effects.last().cloned();
    let stopped = Some(Effect::Stopped);

    let mut services = self::services(r#"{"on-stop": "shutdown"}"#);
    assert_eq!(last(services.stop(at(9), false)), stopped);

    let mut services = self::services(r#"{"on-stop": "suspend-disk"}"#);
    services.stop(at(9), true);
    let effects = hear(&mut services, Task::Stop, ERROR, at(1));
    assert!(matches!(&effects[..], [Effect::Error(_), Effect::Stopped]));
    assert_eq!(services.next_due(), None);

    for (how, warns) in [("shutdown", true), ("suspend-ram", false)] {
        let mut services = self::services(&format!(r#"{{"on-stop": "{how}"}}"#));
        services.stop(at(9), true);
        assert_eq!(services.tick(at(8)), []);
        let effects = services.tick(at(9));
        assert_eq!(matches!(effects[0], Effect::Warn(_)), warns, "{effects:?}");
        assert_eq!(last(effects), stopped);
    }

    let mut services = self::services(r#"{"on-stop": "suspend-ram"}"#);
    services.stop(at(9), true);
    assert_eq!(services.hear(Task::Stop, None, at(1)), []);
    assert_eq!(last(services.went_down()), stopped);

    let mut services = self::services("{}");
    assert_eq!(services.stop(at(9), true), [Effect::Stopped]);
}

#[test]
fn an_agent_that_came_back_during_a_stop_is_asked_again() {
    let mut services = services(r#"{"on-stop": "shutdown"}"#);
    services.stop(at(9), true);
    services.agent_went(false);
    let effects = services.agent_came();
    assert_eq!(asked(&effects), ["guest-info", "guest-shutdown"]);
}
