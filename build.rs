//! Has the linker make the node's program one that takes little memory.
//!
//! What a node runs often lies side by side, so that it keeps few pages of its program in memory and few translations of
//! addresses in the processor: `src/bin/gossip_server.ld`, which `bench/layout` writes. And the list of places that are filled
//! in when the program is loaded, which each node reads whole, is packed: such a program does not start with an older C library.

use std::env::var;
use std::process::Command;

/// Placed by their names, which are these (`.cargo/config.toml`). Whoever brings flags of his own goes without, as does whose
/// linker may not know scripts that insert.
const NAMES: &str = "symbol-mangling-version=v0";

/// The first glibc that reads packed relocations.
const READS_PACKED: (u32, u32) = (2, 36);

fn main() {
    let script = "src/bin/gossip_server.ld";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = of("CARGO_ENCODED_RUSTFLAGS");
    let linker = of("RUSTC_LINKER");
    let other = ["mold", "wild", "gold"].iter().any(|name| flags.contains(name) || linker.contains(name));
    if of("CARGO_CFG_TARGET_OS") != "linux" || of("PROFILE") != "release" || !flags.contains(NAMES) || other {
        return;
    }
    // Two arguments, as a path may hold a comma.
    println!("cargo::rustc-link-arg-bin=gossip_server=-T");
    println!("cargo::rustc-link-arg-bin=gossip_server={}/{script}", of("CARGO_MANIFEST_DIR"));
    let is_for_this_machine = of("HOST") == of("TARGET") && of("CARGO_CFG_TARGET_ENV") == "gnu";
    if is_for_this_machine && glibc().is_some_and(|version| version >= READS_PACKED) {
        println!("cargo::rustc-link-arg-bin=gossip_server=-Wl,-z,pack-relative-relocs");
    }
}

fn of(name: &str) -> String {
    var(name).unwrap_or_default()
}

/// The version of this machine's C library, if it is glibc.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?.stdout;
    let said = String::from_utf8(said).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
