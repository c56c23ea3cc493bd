//! What a guest's agent answers, and what is read from that: numbers for the
//! metrics are numbers, and a client's view is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portunus_plugin_agent::figures::Figure;
use portunus_plugin_agent::info::{Info, view};
use portunus_plugin_agent::reply::{Outcome, Reply};

fuzz_target!(|bytes: &[u8]| {
    let Some(reply) = Reply::parse(bytes) else {
        return;
    };
    match reply.outcome {
        Outcome::Returned(json) => {
            for figure in Figure::ALL {
                for (_, value) in figure.read(json).unwrap_or_default() {
                    assert!(value.is_finite() && value >= 0.0);
                }
            }
            let _any = Info::read(json);
            if let Some(view) = view(json, |name| name.len() % 2 == 0) {
                assert!(Info::read(&view).is_some());
            }
        }
        Outcome::Failed(failure) => {
            let _words = failure.desc();
        }
    }
});
