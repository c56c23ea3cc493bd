//! What the store of one instance holds.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::limits::{Limits, Usage, to_usize};
use crate::outlet::Outlet;

/// The data of a plugin's store: its way out, its WASI and its accounts.
pub(crate) struct State {
    /// Away only while an import runs, which needs it beside the store.
    pub(crate) outlet: Option<Box<Outlet>>,
    pub(crate) usage: Usage,
    wasi: WasiCtx,
    resources: ResourceTable,
}

impl State {
    pub(crate) fn new(outlet: Outlet, limits: &Limits, wasi: WasiCtx) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(to_usize(limits.resources));
        Self {
            outlet: Some(Box::new(outlet)),
            usage: Usage::new(limits),
            wasi,
            resources,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.resources,
        }
    }
}
