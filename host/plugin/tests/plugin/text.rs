//! Plugins as WebAssembly text: a core module with the functions of `handler`,
//! made a component with the repository's own `wit/`.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The parts of a plugin's core module that differ between tests. Each body
/// sees its function's parameters, and every import of [`MODULE`].
pub(crate) struct Plugin {
    /// Fields of the module beside what is always there.
    pub(crate) fields: &'static str,
    /// `(param $vm i32 i32 ... $config i32 $config_len i32 $saved i32 i32 i32)`,
    /// answers a pointer to a `result<_, string>`.
    pub(crate) init: &'static str,
    /// `(param $channel i64) (param $data i32) (param $len i32)`, answers how
    /// many bytes it took. It has `(local $turns i32) (local $work i32)`.
    pub(crate) on_data: &'static str,
    /// `(param $channel i64)` and the peer and the reason, as the canonical ABI
    /// flattens them.
    pub(crate) on_open: &'static str,
    /// `(param $token i64)`.
    pub(crate) on_timer: &'static str,
    /// `(param $grace_ms i32)`.
    pub(crate) on_stop: &'static str,
    /// Answers a pointer to an `option<list<u8>>`.
    pub(crate) save: &'static str,
    /// WIT of packages beside ours, and of the world that includes them.
    pub(crate) wasi: &'static str,
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            fields: "",
            init: "i32.const 0",
            on_data: "local.get $len",
            on_open: "",
            on_timer: "",
            on_stop: "",
            save: "i32.const 0",
            wasi: "",
        }
    }
}

/// 0 to 64 are zeros: an `ok` or a `none` as an answer. Strings of tests lie from
/// 1,024 on, and what the host hands over from 4,096 on, over what it handed
/// over in the call before.
const MODULE: &str = r#"
(module $test
  (import "portunus:port/channel@0.1.0" "send" (func $send (param i64 i32 i32 i32)))
  (import "portunus:port/channel@0.1.0" "pause" (func $pause (param i64)))
  (import "portunus:port/channel@0.1.0" "resume" (func $resume (param i64)))
  (import "portunus:port/channel@0.1.0" "finish" (func $finish (param i64)))
  (import "portunus:port/channel@0.1.0" "close" (func $close (param i64)))
  (import "portunus:port/channel@0.1.0" "connect" (func $connect (param i32 i32 i32)))
  (import "portunus:port/timer@0.1.0" "set" (func $set_timer (param i64 i64 i32)))
  (import "portunus:port/timer@0.1.0" "cancel" (func $cancel_timer (param i64)))
  (import "portunus:port/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "portunus:port/metrics@0.1.0" "count" (func $count (param i32 i32 i64)))
  (import "portunus:port/metrics@0.1.0" "gauge" (func $gauge (param i32 i32 f64)))
  (import "portunus:port/lifecycle@0.1.0" "stopped" (func $stopped))
  {fields}
  (memory $memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 4096))
  (func $realloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.xor (i32.sub (local.get $align) (i32.const 1)) (i32.const -1))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func $init (export "portunus:port/handler@0.1.0#init")
    (param $vm i32) (param $vm_len i32) (param $name i32) (param $name_len i32) (param $id i32)
    (param $console i32) (param $lossy i32) (param $config i32) (param $config_len i32)
    (param $is_saved i32) (param $saved i32) (param $saved_len i32) (result i32)
    {init})
  (func $on_open (export "portunus:port/handler@0.1.0#on-open")
    (param $channel i64) (param $peer i32) (param $peer_1 i32) (param $peer_2 i32) (param $peer_3 i32)
    (param $why i32) (param $why_ptr i32) (param $why_len i32)
    {on_open})
  (func $on_data (export "portunus:port/handler@0.1.0#on-data")
    (param $channel i64) (param $data i32) (param $len i32) (result i32)
    (local $turns i32) (local $work i32)
    (global.set $heap (i32.const 4096))
    {on_data})
  (func (export "portunus:port/handler@0.1.0#on-writable") (param $channel i64))
  (func (export "portunus:port/handler@0.1.0#on-end") (param $channel i64))
  (func (export "portunus:port/handler@0.1.0#on-close")
    (param $channel i64) (param $why i32) (param $why_ptr i32) (param $why_len i32))
  (func $on_timer (export "portunus:port/handler@0.1.0#on-timer") (param $token i64)
    {on_timer})
  (func $on_stop (export "portunus:port/handler@0.1.0#on-stop") (param $grace_ms i32)
    {on_stop})
  (func $save (export "portunus:port/handler@0.1.0#save") (result i32)
    {save}))
"#;

impl Plugin {
    /// The component's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let contract = std::fs::read_to_string(contract_path()).expect("the contract");
        encode(&self.module(), &contract, self.wasi)
    }

    /// The core module's text.
    pub(crate) fn module(&self) -> String {
        MODULE
            .replace("{fields}", self.fields)
            .replace("{init}", self.init)
            .replace("{on_open}", self.on_open)
            .replace("{on_data}", self.on_data)
            .replace("{on_timer}", self.on_timer)
            .replace("{on_stop}", self.on_stop)
            .replace("{save}", self.save)
    }
}

/// Where the repository keeps its contract, seen from any of its crates.
pub(crate) fn contract_path() -> std::path::PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut paths = above.map(|folder| folder.join("wit/port.wit"));
    paths.find(|path| path.is_file()).expect("the contract")
}

/// A component of a core module, in the world `plugin` of a contract or, where
/// `wasi` has packages, in its own world `test:it/all`.
pub(crate) fn encode(module: &str, contract: &str, wasi: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut package = resolve.push_str("port.wit", contract).expect("a contract");
    if !wasi.is_empty() {
        package = resolve.push_str("test.wit", wasi).expect("packages");
    }
    let world = resolve.select_world(&[package], None).expect("a world");
    let mut module = wat::parse_str(module).expect("a module");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    ComponentEncoder::default()
        .module(&module)
        .expect("a module")
        .encode()
        .expect("a component")
}
