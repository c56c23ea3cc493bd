//! What is kept, for how long, and what damage does.

use std::fs::{self, File};
use std::sync::LazyLock;

use tempfile::TempDir;

use super::*;

static ENGINE: LazyLock<wasmtime::Engine> =
    LazyLock::new(|| wasmtime::Engine::new(&crate::engine::config()).unwrap());

fn key(number: u8) -> CodeKey {
    CodeKey::of(&ENGINE, &[number])
}

fn put(cache: &CodeCache, number: u8) {
    cache.put(
        key(number),
        &SealedCode::seal(key(number), &[number; 1_000]),
    );
}

fn has(folder: &TempDir, number: u8) -> bool {
    folder.path().join(name(key(number))).exists()
}

/// Makes a file look as if it was used this long ago.
fn age(folder: &TempDir, name: &str, seconds: u64) {
    let file = File::open(folder.path().join(name)).unwrap();
    let then = SystemTime::now().checked_sub(Duration::from_secs(seconds));
    file.set_modified(then.unwrap()).unwrap();
}

#[test]
fn what_was_put_is_got() {
    let folder = TempDir::new().unwrap();
    let cache = CodeCache::open(folder.path()).unwrap();
    assert!(cache.get(key(1)).is_none());
    put(&cache, 1);
    let got = cache.get(key(1)).unwrap();
    assert_eq!(got.bytes(), SealedCode::seal(key(1), &[1; 1_000]).bytes());
    assert!(cache.get(key(2)).is_none());
}

#[test]
fn what_is_damaged_is_not_got_and_can_be_put_again() {
    let folder = TempDir::new().unwrap();
    let cache = CodeCache::open(folder.path()).unwrap();
    put(&cache, 1);
    put(&cache, 2);
    let path = folder.path().join(name(key(1)));
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[500] ^= 1;
    let others = fs::read(folder.path().join(name(key(2)))).unwrap();
    for damaged in [&[], &whole[..500], &flipped, &others] {
        fs::write(&path, damaged).unwrap();
        assert!(cache.get(key(1)).is_none());
        put(&cache, 1);
        assert!(cache.get(key(1)).is_some());
    }
}

#[test]
fn past_the_bound_what_was_not_used_for_longest_goes() {
    let folder = TempDir::new().unwrap();
    let mut cache = CodeCache::open(folder.path()).unwrap();
    for number in 1..=3 {
        put(&cache, number);
        age(&folder, &name(key(number)), 100 - u64::from(number));
    }
    // Used once more.
    cache.get(key(1)).unwrap();
    cache.max_bytes = 3_500;
    put(&cache, 4);
    assert_eq!(
        [1, 2, 3, 4].map(|number| has(&folder, number)),
        [true, false, true, true]
    );
}

#[test]
fn what_a_writer_left_goes_when_it_is_surely_gone() {
    let folder = TempDir::new().unwrap();
    let mut cache = CodeCache::open(folder.path()).unwrap();
    let [old, new] = [1, 2].map(|number| format!("{}.7-8.tmp", name(key(number))));
    // Somebody's own, which only look a little like ours.
    let theirs = ["notes.tmp", "main.code", "theirs"];
    for name in [old.as_str(), &new].into_iter().chain(theirs) {
        fs::write(folder.path().join(name), name).unwrap();
    }
    for name in [old.as_str()].into_iter().chain(theirs) {
        age(&folder, name, 4_000);
    }
    cache.max_bytes = 0;
    put(&cache, 1);
    let is_there = |name: &str| folder.path().join(name).exists();
    assert!(!is_there(&old) && is_there(&new));
    assert_eq!(theirs.map(is_there), [true; 3]);
}

#[test]
fn a_folder_that_is_gone_costs_the_cache_alone() {
    let folder = TempDir::new().unwrap();
    let cache = CodeCache::open(folder.path()).unwrap();
    folder.close().unwrap();
    put(&cache, 1);
    assert!(cache.get(key(1)).is_none());
}
