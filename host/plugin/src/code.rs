//! Compiled code as bytes: the key that says what it was compiled from and for,
//! the seal by which damage shows, and the one place where it becomes a
//! component again.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

/// Bytes of a component's code, sealed. The 18 MB of a Python interpreter become
/// 35 MB.
pub(crate) const MAX_CODE_BYTES: u64 = 256 << 20;

/// Says which configuration of ours code was compiled for. Count it up with a
/// change in `engine` that wasmtime's own hash does not see.
const CONFIG_VERSION: u32 = 1;

/// How sealed code begins: what it is, and the form of the rest.
const MAGIC: [u8; 8] = *b"PortCod1";

const DIGEST_BYTES: usize = 32;

/// What code was compiled from, and for what: equal keys, equal code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeKey([u8; DIGEST_BYTES]);

impl CodeKey {
    /// How many digits it is written with.
    pub(crate) const DIGITS: usize = 2 * DIGEST_BYTES;

    /// The key of this component's code for this engine. wasmtime's hash has
    /// its own version, its settings, and the target with every feature of this
    /// machine's processor that code may use.
    pub(crate) fn of(engine: &wasmtime::Engine, source: &[u8]) -> Self {
        let mut hasher = KeyHasher(Sha256::new());
        CONFIG_VERSION.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.write(&Sha256::digest(source));
        Self(hasher.0.finalize().into())
    }
}

impl fmt::Display for CodeKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// Takes what wasmtime hashes into a key that nobody can find twice.
struct KeyHasher(Sha256);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; DIGEST_BYTES] = self.0.clone().finalize().into();
        digest
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first))
    }
}

/// Code with a digest over it and its key, as a file or a pipe carries it.
pub(crate) struct SealedCode {
    bytes: Vec<u8>,
}

impl SealedCode {
    /// Seals what [`wasmtime::Engine::precompile_component`] made.
    pub(crate) fn seal(key: CodeKey, code: &[u8]) -> Self {
        let bytes = [&MAGIC, digest(key, code).as_slice(), code].concat();
        Self { bytes }
    }

    /// Takes sealed code back; `None` where a byte of it is not what was sealed
    /// under this key. A digest shows damage, and not who made it: these bytes
    /// must come from where nobody but this user can put any.
    pub(crate) fn verify(key: CodeKey, bytes: Vec<u8>) -> Option<Self> {
        let (sealed, code) = bytes.strip_prefix(&MAGIC)?.split_at_checked(DIGEST_BYTES)?;
        (sealed == digest(key, code)).then_some(())?;
        Some(Self { bytes })
    }

    /// All of it, to be written somewhere.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes it a component of this engine.
    pub(crate) fn load(&self, engine: &wasmtime::Engine) -> wasmtime::Result<Component> {
        let code = self.bytes.get(MAGIC.len().saturating_add(DIGEST_BYTES)..);
        // SAFETY: these bytes are what `precompile_component` made. Only `seal`
        // and `verify` make a `SealedCode`. `seal` is called on that function's
        // result alone (`compiler`). `verify` is called on two kinds of bytes:
        // what a child of ours gave (`compiler/child`), which runs this program
        // or one that our caller names in its place, and a file of a
        // `PrivateFolder` (`code_cache`), where nobody but this user can write.
        // Its digest shows what a disk or a cut made of them. They are copied
        // before they are looked at, so that nothing changes them later.
        unsafe { Component::deserialize(engine, code.unwrap_or_default()) }
    }
}

fn digest(key: CodeKey, code: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = Sha256::new();
    digest.update(key.0);
    digest.update(code);
    digest.finalize().into()
}

#[cfg(test)]
#[path = "code_tests.rs"]
mod tests;
