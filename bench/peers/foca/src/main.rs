//! An agent of foca: SWIM with infection-style broadcasts over UDP.
//!
//! `peer-foca NODES`, as foca derives its settings for local networks from their number. A broadcast would by default ride on
//! the next round; here both who publishes it and whoever gets it new hand it on at once, to as many as foca picks (three).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use agent::{Command, Commands, Ledger, argument, payload, sockets, tell_members, tell_ready};
use anyhow::Context;
use foca::{AccumulatingRuntime, BroadcastHandler, Config, Foca, Invalidates, PostcardCodec, Timer};
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

/// The number of a payload: each is a broadcast of its own.
struct Key(u64);

impl Invalidates for Key {
    fn invalidates(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Takes what is new.
struct Broadcasts {
    ledger: Arc<Ledger>,
}

impl BroadcastHandler<SocketAddr> for Broadcasts {
    type Key = Key;
    type Error = std::io::Error;

    fn receive_item(&mut self, data: &[u8], _sender: Option<&SocketAddr>) -> Result<Option<Key>, std::io::Error> {
        let id = agent::number(data).ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(self.ledger.note(data).then_some(Key(id)))
    }
}

struct Member {
    foca: Foca<SocketAddr, PostcardCodec, StdRng, Broadcasts>,
    runtime: AccumulatingRuntime<SocketAddr>,
    socket: UdpSocket,
    timers: BinaryHeap<Reverse<(Instant, Timer<SocketAddr>)>>,
}

impl Member {
    /// Sends and schedules what foca asked for.
    async fn settle(&mut self) {
        while let Some((to, data)) = self.runtime.to_send() {
            // A lost datagram is foca's to bear.
            let _ = self.socket.send_to(&data, to).await;
        }
        let now = Instant::now();
        while let Some((delay, timer)) = self.runtime.to_schedule() {
            self.timers.push(Reverse((now + delay, timer)));
        }
        while self.runtime.to_notify().is_some() {}
    }

    async fn receive(&mut self, data: &[u8]) {
        let before = self.foca.custom_broadcast_backlog();
        // Foca goes on after an error.
        let _ = self.foca.handle_data(data, &mut self.runtime);
        if self.foca.custom_broadcast_backlog() > before {
            let _ = self.foca.broadcast(&mut self.runtime);
        }
        self.settle().await;
    }

    async fn carry_out(&mut self, command: Command) -> anyhow::Result<()> {
        match command {
            Command::Dial(addresses) => {
                for other in sockets(&addresses)? {
                    self.foca.announce(other, &mut self.runtime)?;
                }
            }
            Command::Members => tell_members(self.foca.num_members()),
            Command::Publish { id, bytes } => {
                self.foca.add_broadcast(payload(id, bytes).as_bytes())?;
                self.foca.broadcast(&mut self.runtime)?;
            }
            Command::Observe(_) => {}
        }
        self.settle().await;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let nodes = u32::try_from(argument(1, "NODES")?).ok().and_then(NonZeroU32::new).context("NODES must be above 0")?;
    let config = Config::new_lan(nodes);
    let mut datagram = vec![0; config.max_packet_size.get()];
    let (ledger, mut commands) = (Arc::new(Ledger::default()), Commands::new()?);
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    let broadcasts = Broadcasts { ledger: ledger.clone() };
    let foca = Foca::with_custom_broadcast(address, config, rand::make_rng(), PostcardCodec, broadcasts);
    let mut member = Member { foca, runtime: AccumulatingRuntime::new(), socket, timers: BinaryHeap::new() };
    tell_ready(address);
    let far = std::time::Duration::from_secs(3_600);
    loop {
        let next = member.timers.peek().map_or_else(|| Instant::now() + far, |Reverse((at, _))| *at);
        tokio::select! {
            received = member.socket.recv(&mut datagram) => {
                let length = received?;
                member.receive(&datagram[..length]).await;
            }
            command = commands.next(&ledger) => match command? {
                None => return Ok(()),
                Some(command) => member.carry_out(command).await?,
            },
            () = sleep_until(next) => {
                while member.timers.peek().is_some_and(|Reverse((at, _))| *at <= Instant::now()) {
                    let Some(Reverse((_, timer))) = member.timers.pop() else { break };
                    let _ = member.foca.handle_timer(timer, &mut member.runtime);
                }
                member.settle().await;
            }
        }
    }
}
