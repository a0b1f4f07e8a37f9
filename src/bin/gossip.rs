//! The command line; everything is in [`gossip_network::cli`].

fn main() -> std::process::ExitCode {
    gossip_network::cli::run(std::env::args_os())
}
