//! `gossip_server --health`: asks the node that runs with the same settings, and says so with the exit code.
//!
//! For managers of containers, whose images hold nothing else that could ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::Arguments;
use crate::http::{Client, Tls, TlsFiles, Verb};
use crate::protocol::NodeId;

/// A node answers within milliseconds; a manager gives up after some seconds.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// What is asked of a running node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Question {
    /// Whether it has compared what it holds with a peer (GET /readyz).
    Ready,
    /// Whether it serves at all (GET /livez).
    Live,
}

/// Asks the node that listens where these arguments say.
///
/// # Errors
/// When it does not answer, or the answer is no; with the node's reason.
pub fn check_health(arguments: &Arguments, question: Question) -> anyhow::Result<()> {
    if arguments.port == 0 {
        bail!("--port 0 names no port to ask: say which one the node took");
    }
    let path = match question {
        Question::Ready => "/readyz",
        Question::Live => "/livez",
    };
    let tls = match arguments.access.tls_ca.clone() {
        Some(ca) => {
            let own = arguments.access.tls_cert.clone().zip(arguments.access.tls_key.clone());
            Some(Tls::load(TlsFiles { ca, own })?.client_config()?)
        }
        None => None,
    };
    // A certificate is for the name under which others reach the node.
    let named = arguments.advertise.as_ref().filter(|_| tls.is_some()).map(NodeId::address);
    let address = named.unwrap_or_else(|| reachable(arguments.bind, arguments.port).to_string());
    let asked = async { Client::over(tls).call(Verb::Get, &address, path, Vec::new(), ANSWER_TIME).await };
    let (status, body) = actix_rt::System::new().block_on(asked).with_context(|| format!("{address}{path}"))?;
    if status != 200 {
        bail!("{address}{path}: status {status}: {}", String::from_utf8_lossy(&body).trim());
    }
    Ok(())
}

/// Where a node that listens on all addresses is reached from its own machine.
fn reachable(bound: IpAddr, port: u16) -> SocketAddr {
    let ip = match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, port)
}
