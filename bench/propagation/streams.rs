//! `GET /events` of every node, held open, with the kernel's stamp of when each event came to our socket.
//!
//! The stamp (SO_TIMESTAMPNS, socket(7)) is taken as the segment arrives, whether or not anybody reads. So the reader sleeps
//! while a message spreads, and takes no processor time from the nodes then. Of several events that are read together only
//! the last has an exact stamp, so what is left unread should be one message's.

use std::io::{IoSliceMut, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use serde::Deserialize;
use serde_json::Value;

use super::gauges;
use super::systems::Arrival;

const REQUEST: &[u8] = b"GET /events?kind=message HTTP/1.1\r\nhost: bench\r\naccept: application/x-ndjson\r\n\r\n";

/// One stream of each node.
pub struct Streams {
    streams: Vec<Watched>,
    piece: Vec<u8>,
    /// Room for the stamp of what is read.
    control: Vec<u8>,
}

struct Watched {
    stream: TcpStream,
    /// A line that has not come to its end.
    begun: Vec<u8>,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Told {
    event: String,
    #[serde(default)]
    payload: Value,
}

impl Streams {
    /// Opens them, and waits until each has told what went before.
    pub fn open(addresses: &[SocketAddr]) -> anyhow::Result<Streams> {
        let open = |address: &SocketAddr| {
            let mut stream = TcpStream::connect(address)?;
            setsockopt(&stream, sockopt::ReceiveTimestampns, &true)?;
            stream.write_all(REQUEST)?;
            Ok(Watched { stream, begun: Vec::new() })
        };
        let streams = addresses.iter().map(open).collect::<anyhow::Result<_>>()?;
        let mut streams = Streams { streams, piece: vec![0; 1 << 16], control: nix::cmsg_space!(TimeSpec) };
        for node in 0..addresses.len() {
            while !streams.read(node, MsgFlags::empty(), &mut Vec::new())? {}
        }
        Ok(streams)
    }

    /// What came since.
    pub fn drain(&mut self) -> anyhow::Result<Vec<Arrival>> {
        let mut arrivals = Vec::new();
        for node in 0..self.streams.len() {
            self.read(node, MsgFlags::MSG_DONTWAIT, &mut arrivals)?;
        }
        Ok(arrivals)
    }

    /// Reads what there is, and notes which messages arrived. Whether a snapshot was among it.
    fn read(&mut self, node: usize, flags: MsgFlags, arrivals: &mut Vec<Arrival>) -> anyhow::Result<bool> {
        let watched = &mut self.streams[node];
        let mut snapshot = false;
        loop {
            let mut into = [IoSliceMut::new(&mut self.piece)];
            let received = recvmsg::<()>(watched.stream.as_raw_fd(), &mut into, Some(&mut self.control), flags);
            let received = match received {
                Err(Errno::EAGAIN) => return Ok(snapshot),
                Err(Errno::EINTR) => continue,
                other => other.context("a stream of events")?,
            };
            let (now, ahead) = gauges::now()?;
            let stamp = received.cmsgs()?.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(stamp) => Some(gauges::nanoseconds(&stamp)),
                _ => None,
            });
            let at = stamp.map_or(now, |real| real.saturating_sub(ahead));
            let count = received.bytes;
            if count == 0 {
                bail!("a node ended its stream of events");
            }
            watched.begun.extend_from_slice(&self.piece[..count]);
            while let Some(end) = watched.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = watched.begun.drain(..=end).collect();
                // The other lines are the answer's head and the lengths of its chunks.
                let Ok(told) = serde_json::from_slice::<Told>(&line) else { continue };
                snapshot |= told.event == "snapshot";
                if let (true, Some(id)) = (told.event == "message", number(&told.payload)) {
                    arrivals.push(Arrival { node, id, at });
                }
            }
            if !flags.contains(MsgFlags::MSG_DONTWAIT) {
                return Ok(snapshot);
            }
        }
    }
}

/// The number of the payload.
fn number(payload: &Value) -> Option<u64> {
    payload["message"].as_str()?.split(' ').next()?.parse().ok()
}
