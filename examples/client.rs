//! A service that says where it is, and sees the others come and go, with the Rust client.
//!
//! ```sh
//! bin/gossip start-network
//! cargo run --example client -- 127.0.0.1:7001 db 10.0.0.5:5432
//! ```

use std::time::Duration;

use gossip_network::client::{Caller, EventKind, StateEvent, StatusEvent};
use serde_json::json;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [node, role, address] = &words[..] else {
        eprintln!("usage: client NODE ROLE ADDRESS, such as 127.0.0.1:7001 db 10.0.0.5:5432");
        std::process::exit(2);
    };
    // The client is of one thread: it lives in a system of actix.
    let done = actix_rt::System::new().block_on(follow(node, role, address));
    if let Err(error) = done {
        eprintln!("{node}: {error}");
        std::process::exit(1);
    }
}

async fn follow(node: &str, role: &str, address: &str) -> Result<(), gossip_network::client::ClientError> {
    let node = Caller::new().node(node, Duration::from_secs(5));
    let said = node.set_state(&json!({ "role": role, "address": address })).await?;
    println!("said it as version {}", said.version);
    for (id, state) in node.states().await? {
        println!("{id} is {} and says {}", state.status.name(), state.payload);
    }
    let mut stream = node.watch("state,status", None).await?;
    while let Some(event) = stream.next().await? {
        match event.kind {
            EventKind::State => {
                let state: StateEvent = event.record()?;
                println!("{} says {}", state.node, state.payload);
            }
            EventKind::Status => {
                let status: StatusEvent = event.record()?;
                println!("{} is {}", status.node, status.status.name());
            }
            _ => {}
        }
    }
    Ok(())
}
