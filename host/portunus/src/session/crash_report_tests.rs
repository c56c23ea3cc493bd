use super::*;

#[test]
fn the_frames_of_a_backtrace_stand_in_one_line() {
    let backtrace = "    0:   0x9d - test!parse\n                    at /src/lib.rs:7\n    1:   0xa1 - test!on_data";
    assert_eq!(
        one_line(backtrace),
        "0: 0x9d - test!parse | at /src/lib.rs:7 | 1: 0xa1 - test!on_data"
    );
    assert_eq!(one_line(""), "");
}

#[test]
fn a_long_backtrace_is_cut_between_frames_and_says_so() {
    let frame = "x".repeat(250);
    let backtrace = vec![frame.as_str(); 64].join("\n");
    let line = one_line(&backtrace);
    assert!(line.len() < MAX_BACKTRACE_BYTES + 100, "{}", line.len());
    let frames: Vec<&str> = line.split(" | ").collect();
    let (last, whole) = frames.split_last().unwrap();
    assert_eq!(*last, "...");
    assert!(whole.len() > 10 && whole.iter().all(|shown| *shown == frame));
}
