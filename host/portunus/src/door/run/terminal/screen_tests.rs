//! What is written comes out, and nobody waits for ever.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers, and a test that panics has failed"
)]

use std::io::Read;

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

fn screen() -> (Screen, io::PipeReader) {
    let (reader, writer) = io::pipe().unwrap();
    (Screen::start(writer).unwrap(), reader)
}

/// Writes until a screen that nobody reads is full, and the thread waits for
/// the pipe.
fn fill(screen: &Screen) -> usize {
    // More than a pipe and the queue hold.
    let all = vec![b'x'; 64 * LIMIT_BYTES];
    let mut written = 0;
    loop {
        let room = screen.0.lock().room();
        if room == 0 && screen.0.lock().writing {
            return written;
        }
        written += screen
            .0
            .change(|state| state.take(&all[..room.min(all.len())]));
        screen.settle(Duration::from_millis(1));
    }
}

#[test]
fn what_is_written_comes_out_in_order() {
    let (mut screen, mut reader) = screen();
    screen.write_all(b"one ").unwrap();
    screen.write_all(b"two").unwrap();
    let mut out = [0; 7];
    reader.read_exact(&mut out).unwrap();
    assert_eq!(&out, b"one two");
    screen.settle(DEADLINE);
    assert!(!screen.0.lock().writing);
}

#[test]
fn a_writer_waits_for_a_reader_and_loses_nothing() {
    let (mut screen, mut reader) = screen();
    let filled = fill(&screen);
    let writer = thread::spawn(move || screen.write_all(&[b'y'; 100]));
    let mut out = vec![0; filled + 100];
    reader.read_exact(&mut out).unwrap();
    writer.join().unwrap().unwrap();
    assert!(out[..filled].iter().all(|byte| *byte == b'x'));
    assert!(out[filled..].iter().all(|byte| *byte == b'y'));
}

#[test]
fn nobody_waits_once_the_machine_is_to_end() {
    let (mut screen, _reader) = screen();
    fill(&screen);
    let (mut waiting, (tell, told)) = (screen.clone(), std::sync::mpsc::channel());
    thread::spawn(move || tell.send(waiting.write_all(&[0; 1 << 20])));
    screen.wait_no_more();
    told.recv_timeout(DEADLINE).unwrap().unwrap();
    screen.write_all(b"dropped").unwrap();
    assert!(screen.0.lock().waiting.len() <= LIMIT_BYTES);
}

#[test]
fn an_output_that_fails_takes_all_and_keeps_nothing() {
    let (mut screen, reader) = screen();
    drop(reader);
    screen.write_all(&vec![0; 4 * LIMIT_BYTES]).unwrap();
    screen.settle(DEADLINE);
    let state = screen.0.lock();
    assert!(state.dropping && state.waiting.len() <= LIMIT_BYTES);
}

#[tokio::test]
async fn a_task_waits_for_room_as_a_thread_does() {
    let (screen, mut reader) = screen();
    let filled = fill(&screen);
    let shown = tokio::spawn(async move { screen.show(&[b'y'; 2 * LIMIT_BYTES]).await });
    let read = tokio::task::spawn_blocking(move || {
        let mut out = vec![0; filled + 2 * LIMIT_BYTES];
        reader.read_exact(&mut out).unwrap();
        out
    });
    let out = tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap();
    assert!(out[filled..].iter().all(|byte| *byte == b'y'));
    tokio::time::timeout(DEADLINE, shown)
        .await
        .unwrap()
        .unwrap();
}
