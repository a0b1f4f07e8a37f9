//! Arguments of `gossip_server` in two stages: what was typed, and what it means.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::FalseyValueParser;

use super::access::{AccessArguments, AccessError, AccessSettings};
use super::bounds::{Bounds, ConnectionBounds};
use super::health::Question;
use super::{books, seeds};
use crate::arguments;
use crate::protocol::{Config, ConfigError, IdForm, NodeId};
use crate::web;

/// One node: tells its state to a few peers, and soon knows everyone's.
///
/// Every flag but --health can also be given as an environment variable; the flag goes first.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "gossip_server",
    version,
    after_help = "Examples:\n  \
        gossip_server --port 5000\n  \
        gossip_server --port 12345 --seed 5000\n  \
        gossip_server --bind 10.0.0.5 --port 7000 --seed db1.example:7000\n  \
        gossip_server --health --port 5000\n\n\
        Exit codes: 0 after SIGTERM or SIGINT or when healthy, 1 when it cannot run or is not, 2 for wrong usage."
)]
pub struct Arguments {
    /// Port to listen on, 0 to 65535; 0 takes any free one and prints it.
    #[arg(long, env = "GOSSIP_PORT", default_value_t = 8000)]
    pub port: u16,

    /// A node to ask first: a port of this machine or host:port. Can be given several times.
    #[arg(long, env = "GOSSIP_SEED", value_name = "PORT|HOST:PORT", value_delimiter = ',', value_parser = parse_id)]
    pub seed: Vec<NodeId>,

    /// File of further seeds, one a line, read again on SIGHUP: new ones are asked, and those taken out no more.
    #[arg(long, env = "GOSSIP_SEEDS_FILE", value_name = "FILE")]
    pub seeds_file: Option<PathBuf>,

    /// A given neighbour, kept until it fails. Can be given several times.
    #[arg(long, env = "GOSSIP_PEER", value_name = "PORT|HOST:PORT", value_delimiter = ',', value_parser = parse_id)]
    pub peer: Vec<NodeId>,

    /// Most peers at a time, 2 to 64.
    #[arg(long, env = "GOSSIP_MAX_PEERS", value_name = "N", default_value_t = 3)]
    pub max_peers: usize,

    /// File of favourite books, one a line [default: the list that comes with the program].
    #[arg(long, env = "GOSSIP_BOOKS", value_name = "FILE")]
    pub books: Option<PathBuf>,

    /// Time between two books, such as 10s or 500ms, ±20 %; 0 keeps one book.
    #[arg(long, env = "GOSSIP_INTERVAL", value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub interval: Duration,

    /// Hops that a new message may travel, 0 to 255; 64 or more reaches everyone, by repair where pushing ends.
    #[arg(long, env = "GOSSIP_TTL", value_name = "N", default_value_t = 64)]
    pub ttl: u8,

    /// How messages travel: over a tree per origin that forms itself, or by flooding every link.
    #[arg(long, env = "GOSSIP_DISSEMINATION", value_name = "HOW", default_value = "trees")]
    pub dissemination: Dissemination,

    /// Time between two exchanges of digests over a link, 50ms to 60s.
    #[arg(long, env = "GOSSIP_HEARTBEAT", value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub heartbeat: Duration,

    /// A node that has been down, or has left, for so long is forgotten, 100ms to 366d.
    #[arg(long, env = "GOSSIP_FORGET_AFTER", value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub forget_after: Duration,

    /// Address to listen on.
    #[arg(long, env = "GOSSIP_BIND", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,

    /// The id that others use to reach this node, apart from what is bound.
    #[arg(long, env = "GOSSIP_ADVERTISE", value_name = "HOST:PORT", value_parser = parse_id)]
    pub advertise: Option<NodeId>,

    /// Name of the network; nodes of different names never mix.
    #[arg(long, env = "GOSSIP_CLUSTER", value_name = "NAME", default_value = "default")]
    pub cluster: String,

    /// Directory in which the node keeps what must survive a restart; made if it is not there. Without it all is in memory.
    #[arg(long, env = "GOSSIP_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Lets anyone who reaches the port disturb what passes between this node and others, for tests (PUT /faults).
    #[arg(long, env = "GOSSIP_ALLOW_FAULT_INJECTION", value_parser = FalseyValueParser::new())]
    pub allow_fault_injection: bool,

    /// Who may take part.
    #[command(flatten)]
    pub access: AccessArguments,

    /// What this node takes at most.
    #[command(flatten)]
    pub bounds: Bounds,

    /// Asks the node that listens on this port whether it is ready (or =live: whether it serves), and starts none.
    #[arg(long, value_name = "QUESTION", num_args = 0..=1, require_equals = true, default_missing_value = "ready")]
    pub health: Option<Question>,

    /// How much to log on stderr: off, error, warn, info, debug or trace.
    #[arg(long, env = "GOSSIP_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: log::LevelFilter,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dissemination {
    /// Over a tree per origin: n-1 transmissions.
    Trees,
    /// Over every link: more transmissions, and every path is seen.
    Flood,
}

fn parse_id(text: &str) -> Result<NodeId, String> {
    NodeId::parse(text).map_err(|error| error.to_string())
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    arguments::parse_duration(text)
}

/// What the arguments mean.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub address: SocketAddr,
    /// The advertised id, if one was given.
    pub advertise: Option<NodeId>,
    /// Whether faults can be injected.
    pub allow_faults: bool,
    /// Who may take part.
    pub access: AccessSettings,
    /// Where further seeds come from, and those read from there, which are among the node's settings.
    pub seeds_file: Option<(PathBuf, Vec<NodeId>)>,
    /// Where the node keeps what survives a restart.
    pub data_dir: Option<PathBuf>,
    /// What is taken of requests.
    pub requests: web::Bounds,
    /// What is taken of connections.
    pub connections: ConnectionBounds,
    /// The node's settings.
    pub config: Config,
}

/// Arguments that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A number out of its range.
    #[error("--{0}")]
    Range(#[from] ConfigError),
    /// Listening everywhere says nothing of where others reach this node.
    #[error("--bind {0} listens on all addresses: say with --advertise host:port under which others reach this node")]
    Advertise(IpAddr),
    /// An id of the other form.
    #[error("--{flag} {id}: this node's network is {ours}; an id of the other form never fits")]
    Form {
        /// Which flag.
        flag: &'static str,
        /// What was given.
        id: NodeId,
        /// This network's form.
        ours: IdForm,
    },
    /// Who may take part.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The seeds cannot be used.
    #[error("{0:#}")]
    Seeds(anyhow::Error),
    /// The books cannot be used.
    #[error("{0:#}")]
    Books(anyhow::Error),
}

impl Arguments {
    /// Checks everything that can be checked before a socket is bound.
    ///
    /// # Errors
    /// Which flag is wrong, what was given and what is allowed.
    pub fn check(self) -> Result<Settings, SettingsError> {
        if self.bind.is_unspecified() && self.advertise.is_none() {
            return Err(SettingsError::Advertise(self.bind));
        }
        let form = id_form(self.bind, self.advertise.as_ref());
        for (flag, ids) in [("seed", &self.seed), ("peer", &self.peer)] {
            if let Some(id) = ids.iter().find(|id| id.form() != form) {
                return Err(SettingsError::Form { flag, id: id.clone(), ours: form });
            }
        }
        let access = self.access.check(self.bind, self.data_dir.as_deref())?;
        let seeds_file = match self.seeds_file {
            Some(file) => {
                let read = seeds::read(&file, form).map_err(SettingsError::Seeds)?;
                Some((file, read))
            }
            None => None,
        };
        let filed = seeds_file.iter().flat_map(|(_, seeds)| seeds).filter(|id| !self.seed.contains(id));
        let seeds = self.seed.iter().chain(filed).cloned().collect();
        let heartbeat_ms = milliseconds(self.heartbeat);
        let mut config = Config {
            cluster: self.cluster.into(),
            max_peers: self.max_peers,
            seeds,
            given_peers: self.peer,
            interval_ms: milliseconds(self.interval),
            ttl: self.ttl,
            trees: self.dissemination == Dissemination::Trees,
            heartbeat_ms,
            suspicion_ms: heartbeat_ms.saturating_mul(2),
            forget_ms: milliseconds(self.forget_after),
            signer: access.key.clone(),
            allowed_keys: access.allowed_keys.clone(),
            dialect: !access.closes_dialect(),
            durable: self.data_dir.is_some(),
            ..Config::default()
        };
        self.bounds.write_to(&mut config);
        config.validate()?;
        let requests = self.bounds.of_requests(self.bind)?;
        let connections = self.bounds.of_connections()?;
        config.books = books::read(self.books.as_deref()).map_err(SettingsError::Books)?;
        Ok(Settings {
            address: SocketAddr::new(self.bind, self.port),
            advertise: self.advertise,
            allow_faults: self.allow_fault_injection,
            access,
            seeds_file,
            data_dir: self.data_dir,
            requests,
            connections,
            config,
        })
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn id_form(bind: IpAddr, advertise: Option<&NodeId>) -> IdForm {
    match advertise {
        Some(id) => id.form(),
        None if bind == IpAddr::from([127, 0, 0, 1]) => IdForm::Local,
        None => IdForm::Addressed,
    }
}

impl Settings {
    /// This node's id, once it is known which port was bound.
    pub fn id(&self, bound: SocketAddr) -> NodeId {
        match &self.advertise {
            Some(id) => id.clone(),
            None if bound.ip() == IpAddr::from([127, 0, 0, 1]) => NodeId::Port(bound.port()),
            None => NodeId::Host(bound.to_string().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str]) -> Result<Settings, String> {
        let typed = std::iter::once(&"gossip_server").chain(arguments);
        let arguments = Arguments::try_parse_from(typed).map_err(|error| error.to_string())?;
        arguments.check().map_err(|error| error.to_string())
    }

    fn complaint(arguments: &[&str]) -> String {
        check(arguments).expect_err("must be refused")
    }

    #[test]
    fn flags_mean_what_they_say() {
        let settings =
            check(&["--port", "12345", "--seed", "5000", "--seed", "localhost:5001", "--interval", "0"]).unwrap();
        assert_eq!(settings.config.seeds, [NodeId::Port(5000), NodeId::Port(5001)]);
        assert_eq!(settings.config.interval_ms, 0);
        assert_eq!(settings.id("127.0.0.1:12345".parse().unwrap()), NodeId::Port(12345));
        let settings =
            check(&["--bind", "::", "--advertise", "DB1.example:7000", "--seed", "db2.example.:7000"]).unwrap();
        assert_eq!(settings.config.seeds, [NodeId::Host("db2.example:7000".into())]);
        assert_eq!(settings.id("[::]:7000".parse().unwrap()), NodeId::Host("db1.example:7000".into()));
        let settings = check(&["--bind", "::1"]).unwrap();
        assert_eq!(settings.id("[::1]:7000".parse().unwrap()), NodeId::Host("[::1]:7000".into()));
    }

    #[test]
    fn a_wrong_value_names_the_flag_and_what_is_allowed() {
        for (arguments, parts) in [
            (&["--port", "70000"][..], &["--port", "70000", "0..=65535"][..]),
            (&["--max-peers", "1"], &["max-peers", "1", "2 to 64"]),
            (&["--ttl", "256"], &["--ttl", "256", "0..=255"]),
            (&["--interval", "ten"], &["--interval", "ten", "500ms"]),
            (&["--interval", "5"], &["--interval", "5", "10s"]),
            (&["--heartbeat", "1ms"], &["heartbeat", "1", "50 to 60000"]),
            (&["--seed", "http://x/"], &["--seed", "http://x/", "host:port"]),
            (&["--seed", "db1:7000"], &["--seed", "db1:7000", "local"]),
            (&["--bind", "10.0.0.1", "--peer", "7001"], &["--peer", "7001", "addressed"]),
            (&["--bind", "0.0.0.0"], &["--bind", "--advertise"]),
            (&["--max-messages", "0"], &["--max-messages", "0", "1 to 10000000"]),
            (&["--max-body", "1000"], &["--max-body", "1000", "2097152"]),
            (&["--max-connections", "1"], &["--max-connections", "16 to"]),
            (&["--header-time", "1ms"], &["--header-time", "1ms", "100ms to 5min"]),
            (&["--cluster", "a b"], &["--cluster", "a b", "letters"]),
            (&["--sign"], &["--sign", "--key-file"]),
            (&["--key-file", "/tmp/key"], &["--sign"]),
            (&["--tls-cert", "a.pem"], &["--tls-key", "--tls-ca"]),
            (&["--read-token-file", "a"], &["--token-file"]),
            (&["--token-file", "/does/not/exist"], &["--token-file", "/does/not/exist", "cannot be read"]),
            (&["--seeds-file", "/does/not/exist"], &["--seeds-file", "/does/not/exist"]),
            (&["--books", "/does/not/exist"], &["--books", "/does/not/exist"]),
        ] {
            let complaint = complaint(arguments);
            for part in parts {
                assert!(complaint.contains(part), "{arguments:?}: {complaint:?} lacks {part:?}");
            }
        }
    }
}
