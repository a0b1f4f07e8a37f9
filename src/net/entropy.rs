//! The one place where randomness enters: the seed of a node's generator, from the operating system.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::protocol::Seed;

/// A seed that no other process has.
///
/// # Errors
/// When the operating system gives no randomness; without it two nodes could make the same uuids.
pub fn fresh_seed() -> anyhow::Result<Seed> {
    let mut seed = Seed::default();
    SysRng.try_fill_bytes(&mut seed)?;
    Ok(seed)
}
