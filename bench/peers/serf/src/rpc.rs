//! Serf's protocol for programs on the same machine: msgpack values, one after another, over TCP.
//!
//! A request is a header with its name and number and, where it has arguments, a body; so is an answer.

use anyhow::{Context, bail};
use rmpv::Value;
use rmpv::decode::read_value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
pub struct Rpc {
    stream: TcpStream,
    unread: Vec<u8>,
    asked: u64,
}

impl Rpc {
    /// Connects and agrees on the protocol's version.
    ///
    /// # Errors
    /// Nobody listens there, or it is not Serf.
    pub async fn connect(address: &str) -> anyhow::Result<Rpc> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut rpc = Rpc { stream, unread: Vec::new(), asked: 0 };
        rpc.ask("handshake", Some(map(&[("Version", Value::from(1))])), false).await?;
        Ok(rpc)
    }

    /// Asks, and waits for the answer: its body where it has one.
    ///
    /// # Errors
    /// The connection broke, or Serf refuses.
    pub async fn ask(&mut self, name: &str, body: Option<Value>, answered: bool) -> anyhow::Result<Value> {
        self.asked += 1;
        let mut request = Vec::new();
        rmpv::encode::write_value(
            &mut request,
            &map(&[("Command", Value::from(name)), ("Seq", Value::from(self.asked))]),
        )?;
        if let Some(body) = body {
            rmpv::encode::write_value(&mut request, &body)?;
        }
        self.stream.write_all(&request).await?;
        let head = self.next().await?;
        match member(&head, "Error").and_then(Value::as_str) {
            None | Some("") => {}
            Some(error) => bail!("{name}: {error}"),
        }
        if answered { self.next().await } else { Ok(Value::Nil) }
    }

    /// The next value that comes. Nothing is lost when the wait is given up.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            let mut rest = &self.unread[..];
            if let Ok(value) = read_value(&mut rest) {
                let used = self.unread.len() - rest.len();
                self.unread.drain(..used);
                return Ok(value);
            }
            if self.stream.read_buf(&mut self.unread).await.context("Serf's connection broke")? == 0 {
                bail!("Serf ended its connection");
            }
        }
    }
}

/// A map of these members.
#[must_use]
pub fn map(members: &[(&str, Value)]) -> Value {
    Value::Map(members.iter().map(|(name, value)| (Value::from(*name), value.clone())).collect())
}

/// The member of a map of that name.
#[must_use]
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let (_, found) = value.as_map()?.iter().find(|(key, _)| text(key) == Some(name.as_bytes()))?;
    Some(found)
}

/// Text or bytes: the older form of msgpack, which Serf speaks, tells them not apart.
#[must_use]
pub fn text(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        Value::Binary(bytes) => Some(bytes),
        _ => None,
    }
}
