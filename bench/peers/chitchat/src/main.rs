//! An agent of chitchat (Quickwit): each node owns keys, and each round compares digests with three others over UDP.
//!
//! `peer-chitchat ROUND_MS`. A payload is a key of its own at the node that publishes it. Everything but the length of a round
//! is chitchat's default.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use agent::{Command, Commands, Ledger, argument, payload, sockets, tell_members, tell_ready};
use chitchat::transport::UdpTransport;
use chitchat::{ChitchatConfig, ChitchatId, FailureDetectorConfig, ProtocolVersion, spawn_chitchat};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let round = Duration::from_millis(argument(1, "ROUND_MS")?);
    // Chitchat is told its own address before it binds it.
    let address: SocketAddr = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let config = ChitchatConfig {
        chitchat_id: ChitchatId::new(format!("n{}", address.port()), 0, address),
        cluster_id: "bench".to_owned(),
        gossip_interval: round,
        listen_addr: address,
        seed_nodes: Vec::new(),
        failure_detector_config: FailureDetectorConfig::default(),
        marked_for_deletion_grace_period: Duration::from_secs(15 * 60),
        catchup_callback: None,
        extra_liveness_predicate: None,
        protocol_version: ProtocolVersion::V1,
    };
    let node = spawn_chitchat(config, Vec::new(), &UdpTransport).await?;
    let (ledger, mut commands) = (Arc::new(Ledger::default()), Commands::new()?);
    let noting = ledger.clone();
    node.with_chitchat(|chitchat| {
        let noting = noting.clone();
        let told = chitchat.subscribe_event("", move |event| {
            noting.note(event.value.as_bytes());
        });
        told.forever();
    })
    .await;
    tell_ready(address);
    while let Some(command) = commands.next(&ledger).await? {
        match command {
            Command::Dial(addresses) => {
                for other in sockets(&addresses)? {
                    node.gossip(other)?;
                }
            }
            Command::Members => tell_members(node.with_chitchat(|chitchat| chitchat.live_nodes().count()).await - 1),
            Command::Publish { id, bytes } => {
                let payload = payload(id, bytes);
                ledger.note(payload.as_bytes());
                node.with_chitchat(|chitchat| chitchat.self_node_state().set(id, &payload)).await;
            }
            Command::Observe(_) => {}
        }
    }
    Ok(())
}
