//! The program `gossip_server` once more, so that tests of containers can link it statically and leave the usual one as it is:
//! `cargo rustc --example static_node -- -C target-feature=+crt-static` compiles nothing else again. What is shipped is
//! made by `bin/image`.

fn main() -> std::process::ExitCode {
    gossip_network::server::main()
}
