//! Who compiles a plugin, what bounds that, and that what was kept is the same
//! plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portunus_plugin::{
    ChannelId, ChildCompiler, CodeCache, CompileLimits, Compiler, Component, Grants, Instance,
    Limits, LoadError, Loader,
};
use tempfile::TempDir;

use crate::calls::ECHO;
use crate::engine;
use crate::recorder::{Deed, Recorder};
use crate::text::Plugin;

/// A compiler that is this shell script.
fn script(script: &str, time: Duration) -> Compiler {
    Compiler::Child(ChildCompiler {
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), script.into(), "compiler".into()],
        limits: CompileLimits {
            time,
            ..CompileLimits::default()
        },
    })
}

/// What a script that should have compiled comes to.
fn outcome(text: &str) -> LoadError {
    let loader = Loader::new(
        engine().clone(),
        script(text, Duration::from_secs(60)),
        None,
    );
    match loader.load(&Plugin::default().encode(), "a.wasm") {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error,
    }
}

/// A loader that has what is kept and cannot compile.
fn kept_alone(folder: &Path) -> Loader {
    let cache = CodeCache::open(folder).unwrap();
    let nobody = script("exit 1", Duration::from_secs(60));
    Loader::new(engine().clone(), nobody, Some(cache))
}

fn keeping(folder: &Path) -> Loader {
    let cache = CodeCache::open(folder).unwrap();
    Loader::new(engine().clone(), Compiler::InProcess, Some(cache))
}

fn echo() -> Vec<u8> {
    let plugin = Plugin {
        on_data: ECHO,
        ..Plugin::default()
    };
    plugin.encode()
}

async fn echoes(component: &Component) {
    let mut plugin = Instance::start(
        component,
        &Limits::default(),
        &Grants::default(),
        Recorder::default(),
    )
    .await
    .unwrap();
    assert_eq!(plugin.on_data(ChannelId::GUEST, b"abc").await.unwrap(), 3);
    let sent = Deed::Sent(ChannelId::GUEST, b"abc".to_vec());
    assert_eq!(plugin.host().deeds, [sent]);
}

#[tokio::test]
async fn what_was_kept_is_the_same_plugin_without_a_compiler() {
    let folder = TempDir::new().unwrap();
    echoes(&keeping(folder.path()).load(&echo(), "a.wasm").unwrap()).await;
    let kept = kept_alone(folder.path());
    echoes(&kept.load(&echo(), "b.wasm").unwrap()).await;
    let other = kept.load(&Plugin::default().encode(), "c.wasm");
    assert!(matches!(other, Err(LoadError::Compiler { .. })));
}

#[tokio::test]
async fn what_was_damaged_is_compiled_again_and_replaced() {
    let folder = TempDir::new().unwrap();
    keeping(folder.path()).load(&echo(), "a.wasm").unwrap();
    let path = fs::read_dir(folder.path()).unwrap().next().unwrap();
    let path = path.unwrap().path();
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [
        &[],
        &whole[..whole.len() - 1],
        &flipped,
        &b"\0asm\x0d\0\x01\0"[..],
    ] {
        fs::write(&path, damaged).unwrap();
        assert!(kept_alone(folder.path()).load(&echo(), "a.wasm").is_err());
        echoes(&keeping(folder.path()).load(&echo(), "a.wasm").unwrap()).await;
        echoes(&kept_alone(folder.path()).load(&echo(), "a.wasm").unwrap()).await;
    }
}

#[test]
fn what_is_no_plugin_is_not_kept() {
    let folder = TempDir::new().unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    let refused = keeping(folder.path()).load(&empty, "a.wasm");
    assert!(matches!(refused, Err(LoadError::WrongWorld { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn limits_of_the_engine_are_told_as_without_a_loader() {
    let memories = "(core instance (instantiate $m))".repeat(5);
    let text = format!("(component (core module $m (memory 1)) {memories})");
    let loader = Loader::new(engine().clone(), Compiler::InProcess, None);
    let refused = loader.load(&wat::parse_str(text).unwrap(), "a.wasm").err();
    let words = refused.unwrap().to_string();
    assert!(
        words.contains("exceeds the configured maximum of 4"),
        "{words}"
    );
}

#[test]
fn a_compiler_that_ends_otherwise_is_told_by_how_it_ended() {
    for (text, words) in [
        ("kill -9 $$", "signal: 9 (SIGKILL)"),
        ("kill -11 $$", "signal: 11 (SIGSEGV)"),
        ("echo oh >&2; kill -6 $$", "signal: 6 (SIGABRT)"),
        (
            "echo 'it \\033[2Jhurts' >&2; exit 1",
            "exit status: 1: it \\u{1b}[2Jhurts",
        ),
        ("exit 0", "its answer is not what it should be"),
        ("cat", "its answer is not what it should be"),
    ] {
        let error = outcome(text);
        assert!(
            matches!(error, LoadError::Compiler { .. }),
            "{text}: {error}"
        );
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
    let error = outcome("yes | head -c 10000000 >&2; exit 1");
    assert!(error.to_string().len() < 2_000);
}

#[test]
fn a_compiler_that_cannot_be_started_is_told_by_its_path() {
    let compiler = Compiler::Child(ChildCompiler {
        program: PathBuf::from("/no/such/compiler"),
        arguments: Vec::new(),
        limits: CompileLimits::default(),
    });
    let loader = Loader::new(engine().clone(), compiler, None);
    let error = loader.load(&echo(), "a.wasm").err().unwrap();
    assert!(error.to_string().contains("/no/such/compiler"), "{error}");
}

#[test]
fn what_the_compiler_refuses_is_told_in_its_words() {
    let error = outcome("printf 'bad \\033[2Jbyte'; exit 65");
    assert!(matches!(error, LoadError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("bad \\u{1b}[2Jbyte"), "{error}");
}

#[test]
fn a_compiler_that_takes_too_long_is_ended() {
    for text in [
        "exec tail -f /dev/null",
        "while :; do :; done",
        "trap '' TERM; while :; do :; done",
    ] {
        let limited = script(text, Duration::from_millis(100));
        let loader = Loader::new(engine().clone(), limited, None);
        let error = loader.load(&echo(), "a.wasm").err().unwrap();
        assert!(
            matches!(error, LoadError::CompileTime { .. }),
            "{text}: {error}"
        );
        assert!(error.to_string().contains("longer than 0.1 s"), "{error}");
    }
    let error = outcome("kill -XCPU $$");
    assert!(matches!(error, LoadError::CompileTime { .. }), "{error}");
}

#[test]
fn a_compiler_without_memory_is_told_with_how_much_it_had() {
    for text in [
        "exit 71",
        "echo 'memory allocation of 8 bytes failed' >&2; kill -6 $$",
    ] {
        let error = outcome(text);
        assert!(matches!(error, LoadError::CompileMemory { .. }), "{error}");
        assert!(error.to_string().contains("more than 2048 MiB"), "{error}");
    }
}

#[test]
fn code_that_is_too_long_is_told() {
    let error = outcome("head -c 268435457 /dev/zero");
    // The shell's own status for a child that wrote too much.
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
    let error = outcome("exec head -c 268435457 /dev/zero");
    assert!(matches!(error, LoadError::CodeTooLarge { .. }), "{error}");
}

#[test]
fn the_compiler_has_its_bounds_and_the_whole_component() {
    let source = Plugin::default().encode().len();
    // The bounds come once it runs, the last of them is on files.
    let error = outcome(
        "while [ $(ulimit -f) = unlimited ]; do :; done
         echo $(wc -c) bytes $(ulimit -v) KiB $(ulimit -t) s core $(ulimit -c); exit 65",
    );
    let words = format!("{source} bytes 2097152 KiB 61 s core 0");
    assert!(error.to_string().contains(&words), "{error}");
}
