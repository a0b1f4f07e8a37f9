//! The command line; everything is in [`gossip_network::cli`].

/// A simulated network is millions of small pieces of memory, looked at in no order: this allocator keeps them close
/// together and on large pages (docs/performance.md). Nodes, which are to be small, have the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let server = <gossip_network::server::Arguments as clap::CommandFactory>::command();
    gossip_network::cli::run(std::env::args_os(), server)
}
