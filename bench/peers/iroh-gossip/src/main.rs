//! An agent of iroh-gossip: HyParView with five active links and Plumtree, over QUIC, with its default settings.
//!
//! Relays and discovery are off and it listens on the loopback alone, as all nodes are on one machine.

use agent::{Command, Commands, Ledger, payload, tell_members, tell_ready};
use anyhow::{Context, anyhow};
use futures::StreamExt;
use iroh::address_lookup::memory::MemoryLookup;
use iroh::endpoint::presets;
use iroh::protocol::Router;
use iroh::{Endpoint, EndpointAddr, RelayMode};
use iroh_gossip::api::{Event, GossipSender};
use iroh_gossip::net::{GOSSIP_ALPN, Gossip};
use iroh_gossip::proto::TopicId;

/// Links up with a node that was named as `id@ip:port`.
async fn dial(lookup: &MemoryLookup, sender: &GossipSender, address: &str) -> anyhow::Result<()> {
    let (id, socket) = address.split_once('@').with_context(|| format!("not an address: {address:?}"))?;
    let id = id.parse().map_err(|error| anyhow!("{id:?}: {error}"))?;
    lookup.add_endpoint_info(EndpointAddr::new(id).with_ip_addr(socket.parse()?));
    sender.join_peers(vec![id]).await.map_err(|error| anyhow!("{error}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (ledger, mut commands) = (Ledger::default(), Commands::new()?);
    let lookup = MemoryLookup::new();
    let endpoint = Endpoint::builder(presets::Minimal)
        .address_lookup(lookup.clone())
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .map_err(|error| anyhow!("{error}"))?
        .bind()
        .await
        .map_err(|error| anyhow!("{error}"))?;
    let gossip = Gossip::builder().spawn(endpoint.clone());
    let _router = Router::builder(endpoint.clone()).accept(GOSSIP_ALPN, gossip.clone()).spawn();
    let topic = gossip.subscribe(TopicId::from_bytes([7; 32]), Vec::new()).await.map_err(|error| anyhow!("{error}"))?;
    let (sender, mut receiver) = topic.split();
    let socket = endpoint.bound_sockets().into_iter().next().context("bound nowhere")?;
    tell_ready(format!("{}@{socket}", endpoint.id()));
    loop {
        tokio::select! {
            event = receiver.next() => {
                let event = event.context("the topic ended")?.map_err(|error| anyhow!("{error}"))?;
                if let Event::Received(message) = event {
                    ledger.note(&message.content);
                }
            }
            command = commands.next(&ledger) => match command? {
                None => return Ok(()),
                Some(Command::Dial(addresses)) => {
                    for address in addresses {
                        dial(&lookup, &sender, &address).await?;
                    }
                }
                Some(Command::Members) => tell_members(receiver.neighbors().count()),
                Some(Command::Publish { id, bytes }) => {
                    let payload = payload(id, bytes);
                    ledger.note(payload.as_bytes());
                    sender.broadcast(payload.into_bytes().into()).await.map_err(|error| anyhow!("{error}"))?;
                }
                Some(Command::Observe(_)) => {}
            },
        }
    }
}
