//! No gossip at all: who publishes sends one UDP datagram to each of the others.
//!
//! Nothing is repaired and nobody watches over anybody. It is the least that N processes of one machine can take, and what
//! the systems are held against.

use agent::{Command, Commands, Ledger, payload, sockets, tell_members, tell_ready};
use tokio::net::UdpSocket;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    let (ledger, mut commands) = (Ledger::default(), Commands::new()?);
    tell_ready(socket.local_addr()?);
    let (mut others, mut datagram) = (Vec::new(), [0; 65_536]);
    loop {
        tokio::select! {
            received = socket.recv(&mut datagram) => {
                ledger.note(&datagram[..received?]);
            }
            command = commands.next(&ledger) => match command? {
                None => return Ok(()),
                Some(Command::Dial(addresses)) => others = sockets(&addresses)?,
                Some(Command::Members) => tell_members(others.len()),
                Some(Command::Publish { id, bytes }) => {
                    let payload = payload(id, bytes);
                    ledger.note(payload.as_bytes());
                    for other in &others {
                        socket.send_to(payload.as_bytes(), other).await?;
                    }
                }
                Some(Command::Observe(_)) => {}
            },
        }
    }
}
