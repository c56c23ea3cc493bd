//! Tests of the engine.

use super::*;

#[test]
fn a_pool_for_every_port_can_be_reserved_here() {
    wasmtime::Engine::new(config().allocation_strategy(pool())).unwrap();
}

#[test]
fn an_engine_without_a_pool_takes_the_same_plugins() {
    let on_demand = config();
    let engine = Engine::with(wasmtime::Engine::new(&on_demand).unwrap());
    assert!(engine.is_ok());
}
