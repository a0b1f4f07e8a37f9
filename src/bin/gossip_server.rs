//! One node; everything is in [`gossip_network::server`].

fn main() -> std::process::ExitCode {
    gossip_network::server::main()
}
