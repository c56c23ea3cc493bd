//! What a client asks: what was read is what the agent gets, in one line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portunus_plugin_agent::command::Request;
use portunus_plugin_agent::scan::{Piece, Scanner};

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = Request::parse(bytes) else {
        return;
    };
    let sent = request.command.encode(7);
    assert_eq!(sent.iter().filter(|byte| **byte == b'\n').count(), 1);
    let mut scanner = Scanner::new(sent.len());
    match scanner.feed(&sent) {
        (_, Some(Piece::Object(frame))) => {
            let again = Request::parse(&frame).expect("what we wrote");
            assert_eq!(again.command, request.command);
            assert_eq!(again.id.as_deref(), Some("7"));
        }
        // A client's stream would not have brought anything nested so deeply.
        (_, found) => assert!(matches!(found, Some(Piece::Broken(_))), "{found:?}"),
    }
});
