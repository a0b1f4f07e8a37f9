//! Has the linker place side by side what a node runs often, so that it keeps few pages of its program in memory and few
//! translations of addresses in the processor: `src/bin/gossip_server.ld`, which `bench/layout` writes.

use std::env::var;

/// Placed by their names, which are these (`.cargo/config.toml`). Whoever brings flags of his own goes without, as does whose
/// linker may not know scripts that insert.
const NAMES: &str = "symbol-mangling-version=v0";

fn main() {
    let script = "src/bin/gossip_server.ld";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let of = |name: &str| var(name).unwrap_or_default();
    let flags = of("CARGO_ENCODED_RUSTFLAGS");
    let linker = of("RUSTC_LINKER");
    let other = ["mold", "wild", "gold"].iter().any(|name| flags.contains(name) || linker.contains(name));
    let places = of("CARGO_CFG_TARGET_OS") == "linux" && of("PROFILE") == "release" && flags.contains(NAMES) && !other;
    if places {
        // Two arguments, as a path may hold a comma.
        println!("cargo::rustc-link-arg-bin=gossip_server=-T");
        println!("cargo::rustc-link-arg-bin=gossip_server={}/{script}", of("CARGO_MANIFEST_DIR"));
    }
}
