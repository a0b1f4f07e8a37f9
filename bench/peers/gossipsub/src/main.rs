//! An agent of gossipsub (libp2p) over TCP, noise and yamux, with gossipsub's default settings.
//!
//! It keeps every link that it was told to dial; gossipsub picks its mesh among them. Messages are signed, as by default.

use std::time::Duration;

use agent::{Command, Commands, Ledger, payload, tell_members, tell_ready};
use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, tcp, yamux};

/// Links that are not in the mesh are kept as well.
const LINKS_KEPT: Duration = Duration::from_secs(24 * 3_600);

fn build() -> anyhow::Result<Swarm<gossipsub::Behaviour>> {
    let swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| {
            let authenticity = MessageAuthenticity::Signed(key.clone());
            gossipsub::Behaviour::new(authenticity, gossipsub::Config::default()).map_err(Into::into)
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(LINKS_KEPT))
        .build();
    Ok(swarm)
}

fn carry_out(
    swarm: &mut Swarm<gossipsub::Behaviour>,
    topic: &IdentTopic,
    ledger: &Ledger,
    command: Command,
) -> anyhow::Result<()> {
    match command {
        Command::Dial(addresses) => {
            for address in addresses {
                swarm.dial(address.parse::<Multiaddr>()?)?;
            }
        }
        Command::Members => tell_members(swarm.behaviour().mesh_peers(&topic.hash()).count()),
        Command::Publish { id, bytes } => {
            let payload = payload(id, bytes);
            ledger.note(payload.as_bytes());
            swarm.behaviour_mut().publish(topic.clone(), payload)?;
        }
        Command::Observe(_) => {}
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (ledger, mut commands) = (Ledger::default(), Commands::new()?);
    let topic = IdentTopic::new("bench");
    let mut swarm = build()?;
    swarm.behaviour_mut().subscribe(&topic)?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { address, .. } => tell_ready(address),
                SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) => {
                    ledger.note(&message.data);
                }
                _ => {}
            },
            command = commands.next(&ledger) => match command? {
                None => return Ok(()),
                Some(command) => carry_out(&mut swarm, &topic, &ledger, command)?,
            },
        }
    }
}
