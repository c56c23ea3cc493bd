//! The clipboard plugin with the agent that Linux guests have: Debian's
//! spice-vdagentd and spice-vdagent, in an X session of a real guest, whose
//! applications are `xclip`.

#![cfg(test)]

mod desktop;

use std::fs;

use desktop::Desktop;

/// Bytes that are no text, and many: what an image may be.
fn image(bytes: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        // Numerical Recipes' generator: any that does not repeat itself soon.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()
    };
    let words = std::iter::repeat_with(&mut next);
    words.take(bytes / 4).flatten().collect()
}

const MEBIBYTE: usize = 1 << 20;

const SHARED: &str =
    r#"direction = "both", types = ["text/plain", "image/png"], max-size = "16MiB", rate = 600"#;

#[test]
fn text_and_images_go_both_ways_when_they_are_asked_for() {
    let mut desktop = Desktop::boot(SHARED);

    // From the guest: a copy alone moves nothing.
    desktop.run("printf 'grüße vom gast' | xclip -selection clipboard");
    desktop.watch_for(r#""from":"guest""#);
    assert!(!desktop.program.log().contains("audit: transferred"));
    let got = desktop.clip(&["get"], b"");
    assert_eq!(got.said(), (Some(0), "grüße vom gast"));
    desktop
        .find_audit("transferred way=guest-to-host selection=clipboard type=text/plain bytes=16");

    // To the guest.
    let put = desktop.clip(&["put"], "grüße vom wirt\n".as_bytes());
    assert_eq!(put.said(), (Some(0), ""));
    desktop.run("until xclip -selection clipboard -o -t UTF8_STRING >pasted && grep -q wirt pasted; do sleep 0.1; done");
    assert_eq!(desktop.file("pasted"), "grüße vom wirt\n".as_bytes());
    desktop
        .find_audit("transferred way=host-to-guest selection=clipboard type=text/plain bytes=17");

    // Images, a small one and one as large as may be.
    for bytes in [3000, 16 * MEBIBYTE] {
        let copied = image(bytes);
        fs::write(desktop.exchange("copied"), &copied).unwrap();
        desktop.run("xclip -selection clipboard -t image/png -i copied");
        desktop.watch_for(r#""from":"guest","selection":"clipboard","types":["image/png"]"#);
        let got = desktop.clip(&["get", "--type", "image/png"], b"");
        assert_eq!(got.status, Some(0), "{}", got.errors);
        assert!(
            got.output == copied,
            "{} of {bytes} bytes",
            got.output.len()
        );

        let mut put = copied;
        put.reverse();
        assert_eq!(
            desktop.clip(&["put", "--type", "image/png"], &put).status,
            Some(0)
        );
        desktop.run("until xclip -selection clipboard -o -t TARGETS | grep -q image/png; do sleep 0.1; done");
        desktop.run("xclip -selection clipboard -o -t image/png >pasted");
        assert!(desktop.file("pasted") == put, "{bytes} bytes");
    }

    // What is cleared is there no more.
    assert_eq!(desktop.clip(&["clear"], b"").status, Some(0));
    desktop.run(
        "while xclip -selection clipboard -o -t image/png >/dev/null 2>&1; do sleep 0.1; done",
    );
    let nothing = desktop.clip(&["get"], b"");
    assert_eq!(nothing.status, Some(4), "{}", nothing.errors);
    assert!(
        nothing
            .errors
            .contains("the guest offers nothing of that type")
    );
    desktop.end();
}

#[test]
fn what_the_policy_refuses_stays_where_it_is() {
    let mut desktop = Desktop::boot(
        r#"direction = "both", types = ["text/plain"], max-size = "1KiB", rate = 600, clear-after = "1m""#,
    );
    // A type that is not shared: nothing is told of it, either way.
    let put = desktop.clip(&["put", "--type", "image/png"], &image(100));
    assert_eq!(put.status, Some(3), "{}", put.errors);
    assert!(put.errors.contains("not among the port's `types`"));
    desktop.find_audit("refused way=host-to-guest selection=clipboard type=image/png reason=type");
    desktop.run("printf secret | xclip -selection clipboard -t image/png");
    let got = desktop.clip(&["get", "--type", "image/png"], b"");
    assert_eq!(got.said(), (Some(3), ""));

    // More than may be: the host's is refused, and the guest's agent keeps its own.
    let put = desktop.clip(&["put"], &[b'x'; 1025]);
    assert_eq!(put.status, Some(3), "{}", put.errors);
    desktop.run("head -c 1025 /dev/zero | tr '\\0' x | xclip -selection clipboard");
    desktop.watch_for(r#""from":"guest""#);
    let got = desktop.clip(&["get"], b"");
    assert_eq!(got.said(), (Some(4), ""), "{}", got.errors);

    // Text that is none.
    desktop.run("printf 'caf\\351' | xclip -selection clipboard");
    let got = desktop.eventually_clip(&["get"], |got| got.errors.contains("UTF-8"));
    assert_eq!(got.said(), (Some(3), ""));

    // Another selection, which X's applications fill with all that is marked.
    desktop.run("printf secret | xclip -selection primary");
    let got = desktop.clip(&["get", "--selection", "primary"], b"");
    assert_eq!(got.said(), (Some(3), ""));
    assert!(!desktop.program.log().contains("secret"));
    assert!(!desktop.program.log().contains("audit: transferred"));
    desktop.end();
}

#[test]
fn somebody_is_asked_and_says_yes_or_no() {
    let mut desktop =
        Desktop::boot(r#"direction = "both", ask = "both", ask-time = "1m", rate = 600"#);
    desktop.run("printf secret | xclip -selection clipboard");
    desktop.watch_for(r#""from":"guest""#);
    // Nobody is there to be asked.
    let got = desktop.clip(&["get"], b"");
    assert_eq!(got.status, Some(3), "{}", got.errors);
    assert!(got.errors.contains("no client is there that decides"));

    let mut decider = desktop.decide();
    let get = desktop.begin_clip(&["get"]);
    decider.question("a program wants text/plain from the guest's clipboard: process ");
    decider.answer("n");
    let got = get.end();
    assert_eq!(got.said(), (Some(3), ""));
    assert!(
        got.errors.contains("who was asked said no"),
        "{}",
        got.errors
    );

    let get = desktop.begin_clip(&["get"]);
    decider.question("a program wants text/plain");
    decider.answer("y");
    assert_eq!(get.end().said(), (Some(0), "secret"));

    // The guest asks too: it pastes when somebody has said yes.
    assert_eq!(desktop.clip(&["put"], b"of the host").status, Some(0));
    desktop.run(
        "until xclip -selection clipboard -o -t TARGETS | grep -q UTF8_STRING; do sleep 0.1; done",
    );
    desktop.say("xclip -selection clipboard -o -t UTF8_STRING >pasted");
    decider.question("the guest wants text/plain from the host's clipboard");
    assert_eq!(desktop.file("pasted"), b"");
    decider.answer("y");
    desktop.wait();
    assert_eq!(desktop.file("pasted"), b"of the host");
    desktop.end();
}

/// SPICE's daemon drops a grab that comes before its session's agent has connected
/// to it, and nothing tells of that: such an agent is replaced once more.
#[test]
fn an_agent_that_is_replaced_finds_what_was_put() {
    const REPLACEMENTS: usize = 10;
    let mut desktop = Desktop::boot(SHARED);
    assert_eq!(desktop.clip(&["put"], b"outlives").status, Some(0));
    let found = (0..REPLACEMENTS).any(|_| {
        desktop.run(
            "killall spice-vdagent spice-vdagentd; while pidof spice-vdagentd; do sleep 0.1; done",
        );
        desktop.watch_for(r#""present":false"#);
        let got = desktop.clip(&["get"], b"");
        assert_eq!(got.status, Some(4), "{}", got.errors);
        assert!(got.errors.contains("no agent runs in the guest"));
        desktop.run("start_agent");
        desktop.watch_for(r#""present":true"#);
        desktop.run(
            "tries=0; until xclip -selection clipboard -o -t UTF8_STRING >pasted \
             || [ $tries = 50 ]; do tries=$((tries+1)); sleep 0.1; done",
        );
        desktop.file("pasted") == b"outlives"
    });
    assert!(found, "no agent of {REPLACEMENTS} found it");
    desktop.end();
}
