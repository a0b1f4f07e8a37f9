//! Starts an agent of Serf, the program of Debian's package `serf`, and speaks for it over its RPC.
//!
//! Serf has its own settings for local networks (`-profile=lan`). A payload is a user event that is not coalesced. Its
//! deliveries are told over TCP, which is traffic, so they are watched only when asked for.

mod rpc;

use std::process::Stdio;
use std::time::Duration;

use agent::{Command, Commands, Ledger, payload, tell_members, tell_ready_for};
use anyhow::Context;
use rmpv::Value;
use rpc::{Rpc, map, member, text};

struct Speaker {
    address: String,
    asking: Rpc,
    watching: Option<Rpc>,
}

impl Speaker {
    async fn carry_out(&mut self, command: Command) -> anyhow::Result<()> {
        match command {
            Command::Dial(addresses) => {
                let existing = Value::Array(addresses.into_iter().map(Value::from).collect());
                let body = map(&[("Existing", existing), ("Replay", Value::from(false))]);
                self.asking.ask("join", Some(body), true).await?;
            }
            Command::Members => {
                let answer =
                    self.asking.ask("members-filtered", Some(map(&[("Status", Value::from("alive"))])), true).await?;
                let members = member(&answer, "Members").and_then(Value::as_array).map_or(0, Vec::len);
                tell_members(members.saturating_sub(1));
            }
            Command::Publish { id, bytes } => {
                let payload = Value::from(payload(id, bytes).into_bytes());
                let name = Value::from(format!("e{id}"));
                let body = map(&[("Name", name), ("Payload", payload), ("Coalesce", Value::from(false))]);
                self.asking.ask("event", Some(body), false).await?;
            }
            Command::Observe(false) => self.watching = None,
            Command::Observe(true) => {
                let mut watching = Rpc::connect(&self.address).await?;
                watching.ask("stream", Some(map(&[("Type", Value::from("user"))])), false).await?;
                self.watching = Some(watching);
            }
        }
        Ok(())
    }
}

/// The next user event; none ever while nobody watches.
async fn event(watching: &mut Option<Rpc>) -> anyhow::Result<Value> {
    match watching {
        Some(rpc) => rpc.next().await,
        None => std::future::pending().await,
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (ledger, mut commands) = (Ledger::default(), Commands::new()?);
    let bind = format!("127.0.0.1:{}", free_port()?);
    let rpc = format!("127.0.0.1:{}", free_port()?);
    let child = tokio::process::Command::new("serf")
        .args(["agent", "-profile=lan", "-log-level=err"])
        .args([format!("-node={bind}"), format!("-bind={bind}"), format!("-rpc-addr={rpc}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("serf does not start: is Debian's package serf installed?")?;
    let began = tokio::time::Instant::now();
    let asking = loop {
        match Rpc::connect(&rpc).await {
            Ok(asking) => break asking,
            Err(error) if began.elapsed() > Duration::from_secs(20) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    tell_ready_for(&bind, child.id().context("serf ended at once")?);
    let mut speaker = Speaker { address: rpc, asking, watching: None };
    loop {
        tokio::select! {
            event = event(&mut speaker.watching) => {
                if let Some(payload) = member(&event?, "Payload").and_then(text) {
                    ledger.note(payload);
                }
            }
            command = commands.next(&ledger) => match command? {
                None => return Ok(()),
                Some(command) => speaker.carry_out(command).await?,
            },
        }
    }
}
