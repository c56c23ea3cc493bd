//! WASI 0.2 as plugins have it: wasmtime's, but for what would let a plugin have
//! the host hold memory without a bound.

use bytes::Bytes;
use wasmtime::component::{Linker, LinkerInstance, Resource, WasmList};
use wasmtime::{Result, StoreContextMut, bail};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::DynOutputStream;
use wasmtime_wasi::p2::bindings::io::streams::Host as _;

use crate::listing;
use crate::state::State;

/// The version that wasmtime's WASI has, under which it is replaced in part. A
/// plugin that imports an earlier one gets this.
const VERSION: &str = "0.2.12";

/// What a stream takes in one `write`: so much, at most, `check-write` permits on a
/// file of wasmtime's, and on [`Output`](crate::output::Output).
pub(crate) const MAX_WRITE_BYTES: usize = 64 << 10;

type Caller<'a> = StoreContextMut<'a, State>;

/// All of WASI.
pub(crate) fn add_to(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    listing::add_to(&mut linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?)?;
    streams(&mut linker.instance(&format!("wasi:io/streams@{VERSION}"))?)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A write of more than a stream permits is a trap, as WASI has it; wasmtime's takes
/// all of it for a file, and holds it until the disk has it: for each open stream as
/// much as the plugin has memory.
fn streams(streams: &mut LinkerInstance<'_, State>) -> Result<()> {
    streams.func_wrap(
        "[method]output-stream.write",
        |mut caller: Caller<'_>, (stream, data): (Resource<DynOutputStream>, WasmList<u8>)| {
            if data.len() > MAX_WRITE_BYTES {
                bail!(
                    "it wrote {} bytes to a stream at once; no stream permits more than \
                     {MAX_WRITE_BYTES}",
                    data.len()
                );
            }
            let data = Bytes::copy_from_slice(data.as_le_slice(&caller));
            let table = caller.data_mut().ctx().table;
            Ok((match table.get_mut(&stream)?.write(data) {
                Ok(()) => Ok(()),
                Err(error) => Err(table.convert_stream_error(error)?),
            },))
        },
    )
}
