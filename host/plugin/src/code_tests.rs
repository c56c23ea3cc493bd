//! Keys and seals.

use super::*;
use crate::engine::config;

fn key(source: &[u8]) -> CodeKey {
    let engine = wasmtime::Engine::new(&config()).unwrap();
    CodeKey::of(&engine, source)
}

#[test]
fn a_key_is_the_components_and_the_engines() {
    assert_eq!(key(b"a"), key(b"a"));
    assert_ne!(key(b"a"), key(b"b"));
    let mut other = config();
    other.epoch_interruption(false);
    let other = wasmtime::Engine::new(&other).unwrap();
    assert_ne!(CodeKey::of(&other, b"a"), key(b"a"));
}

#[test]
fn an_engine_with_a_pool_and_one_without_have_the_same_code() {
    let pooled = crate::Engine::new().unwrap();
    assert_eq!(CodeKey::of(pooled.wasm(), b"a"), key(b"a"));
}

#[test]
fn what_was_sealed_is_taken_back() {
    let sealed = SealedCode::seal(key(b"a"), b"code");
    let again = SealedCode::verify(key(b"a"), sealed.bytes().to_vec()).unwrap();
    assert_eq!(again.bytes(), sealed.bytes());
}

#[test]
fn what_was_changed_or_cut_is_not_taken_back() {
    let key = key(b"a");
    let whole = SealedCode::seal(key, b"code").bytes().to_vec();
    for length in 0..whole.len() {
        assert!(SealedCode::verify(key, whole[..length].to_vec()).is_none());
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(SealedCode::verify(key, flipped).is_none(), "{bit}");
    }
    assert!(SealedCode::verify(key, [whole, vec![0]].concat()).is_none());
}

#[test]
fn what_was_sealed_under_another_key_is_not_taken_back() {
    let other = SealedCode::seal(key(b"b"), b"code");
    assert!(SealedCode::verify(key(b"a"), other.bytes().to_vec()).is_none());
}
