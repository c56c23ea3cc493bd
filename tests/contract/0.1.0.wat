;; A plugin of portunus:port@0.1.0 that uses every import and every export: what
;; was published must work in every later host. README.md says how 0.1.0.wasm is
;; made of it.
(module
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

  (memory (export "memory") 4)
  ;; 0 is a result without an error, 32 what a call returns, and what the host
  ;; hands over lies from 4096 on.
  (data (i32.const 512) "\01\00\00\00\00\04\00\00\0f\00\00\00") ;; an error of 15 bytes
  (data (i32.const 528) "\01\00\00\00\40\04\00\00\04\00\00\00") ;; some 4 bytes
  (data (i32.const 1024) "nothing is said")
  (data (i32.const 1088) "kept")
  (data (i32.const 1104) "granted")
  (data (i32.const 1120) "id")
  (data (i32.const 1124) "saved")
  (data (i32.const 1132) "peer")
  (data (i32.const 1136) "why")
  (data (i32.const 1140) "grace")
  (data (i32.const 1146) "token")
  (global $heap (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  ;; Logs the VM, the name and the configuration; refuses an empty one.
  (func (export "portunus:port/handler@0.1.0#init")
    (param $vm i32) (param $vm_len i32) (param $name i32) (param $name_len i32) (param $id i32)
    (param $console i32) (param $lossy i32) (param $config i32) (param $config_len i32)
    (param $is_saved i32) (param $saved i32) (param $saved_len i32) (result i32)
    (call $log (local.get $console) (local.get $vm) (local.get $vm_len))
    (call $log (local.get $lossy) (local.get $name) (local.get $name_len))
    (call $log (i32.const 2) (local.get $config) (local.get $config_len))
    (call $count (i32.const 1120) (i32.const 2) (i64.extend_i32_u (local.get $id)))
    (call $gauge (i32.const 1124) (i32.const 5) (f64.convert_i32_u (local.get $saved_len)))
    (select (i32.const 512) (i32.const 0) (i32.eq (local.get $config_len) (i32.const 2))))

  ;; Says who and why; on the guest's channel, connects, and sets a timer by the
  ;; new channel's number.
  (func (export "portunus:port/handler@0.1.0#on-open")
    (param $channel i64) (param $peer i32) (param $peer_1 i32) (param $peer_2 i32) (param $peer_3 i32)
    (param $why i32) (param $why_ptr i32) (param $why_len i32)
    (call $gauge (i32.const 1132) (i32.const 4) (f64.convert_i32_u (local.get $peer)))
    (call $gauge (i32.const 1136) (i32.const 3) (f64.convert_i32_u (local.get $why)))
    (if (i64.eqz (local.get $channel)) (then
      (call $connect (i32.const 1104) (i32.const 7) (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then unreachable))
      (call $set_timer (i64.load (i32.const 40)) (i64.const 250) (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then unreachable)))))

  ;; Sends it back.
  (func (export "portunus:port/handler@0.1.0#on-data")
    (param $channel i64) (param $data i32) (param $len i32) (result i32)
    (global.set $heap (i32.const 4096))
    (call $send (local.get $channel) (local.get $data) (local.get $len) (i32.const 32))
    (if (i32.load8_u (i32.const 32)) (then unreachable))
    (i32.load (i32.const 36)))

  (func (export "portunus:port/handler@0.1.0#on-writable") (param $channel i64)
    (call $resume (local.get $channel)))
  (func (export "portunus:port/handler@0.1.0#on-end") (param $channel i64)
    (call $finish (local.get $channel)))
  (func (export "portunus:port/handler@0.1.0#on-close")
    (param $channel i64) (param $why i32) (param $why_ptr i32) (param $why_len i32)
    (call $gauge (i32.const 1136) (i32.const 3) (f64.convert_i32_u (local.get $why)))
    (call $cancel_timer (local.get $channel))
    (call $close (local.get $channel)))
  (func (export "portunus:port/handler@0.1.0#on-timer") (param $token i64)
    (call $count (i32.const 1146) (i32.const 5) (local.get $token))
    (call $pause (i64.const 0)))
  (func (export "portunus:port/handler@0.1.0#on-stop") (param $grace_ms i32)
    (call $gauge (i32.const 1140) (i32.const 5) (f64.convert_i32_u (local.get $grace_ms)))
    (call $stopped))
  (func (export "portunus:port/handler@0.1.0#save") (result i32)
    (i32.const 528)))
