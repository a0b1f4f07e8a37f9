//! The settings of an experiment as they are typed, on the command line or in a scenario.

use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;

use crate::arguments::parse_duration;
use crate::sim::{Drawn, KillMode, Senders, Settings, Start};

/// A share: `5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub u32);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match number {
            Some(number) if (0.0..=100.0).contains(&number) => Ok(Share((number * 10.0).round() as u32)),
            _ => Err("write a share as 5% or 0.5%, from 0% to 100%".to_owned()),
        }
    }
}

/// A duration: `50ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let duration = parse_duration(text)?;
        u64::try_from(duration.as_millis()).map(Span).map_err(|_| "it is too long a time".to_owned())
    }
}

/// A short time: `150us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work(pub u64);

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Work, String> {
        let duration = parse_duration(text).map_err(|_| "it is no time; write it as 150us or 2ms".to_owned())?;
        if duration.subsec_nanos() % 1_000 != 0 {
            return Err("it is counted in whole microseconds".to_owned());
        }
        u64::try_from(duration.as_micros()).map(Work).map_err(|_| "it is too long a time".to_owned())
    }
}

/// One way's time: `50ms` or `10ms-50ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency(pub u64, pub u64);

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Latency, String> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let (low, high) = (Span::from_str(low)?.0, Span::from_str(high)?.0);
        if low > high { Err("write it as 50ms or 10ms-50ms".to_owned()) } else { Ok(Latency(low, high)) }
    }
}

/// Shares with commas between them: `50%,80%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares(pub Vec<Share>);

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Shares, String> {
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map(Shares)
    }
}

/// A partition: `50%` until the end, or `50%:10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition(pub Share, pub Option<Span>);

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Partition, String> {
        match text.split_once(':') {
            None => Ok(Partition(text.parse()?, None)),
            Some((share, lasts)) => Ok(Partition(share.parse()?, Some(lasts.parse()?))),
        }
    }
}

macro_rules! read_as_text {
    ($($kind:ty),+) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                String::deserialize(reader)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

read_as_text!(Share, Span, Work, Latency, Shares, Partition);

/// Who broadcasts.
#[derive(Clone, Copy, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhoSends {
    /// One node sends all.
    One,
    /// A node drawn anew sends each.
    Random,
    /// All nodes, one after the other.
    Turn,
    /// All nodes at once, each time.
    All,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// Whether everything passes through the codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Yes.
    On,
    /// No.
    Off,
    /// Up to 1,000 nodes.
    Auto,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dissemination {
    /// Over a tree per origin.
    Trees,
    /// Over every link.
    Flood,
}

/// How killed nodes behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Killed {
    /// They do not answer at all.
    Silent,
    /// Their machines refuse connections.
    Refuse,
}

/// For what the time of one way is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrawnFor {
    /// For each request and each answer anew.
    Message,
    /// For each pair of nodes once.
    Link,
}

/// How the network begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// As a random regular graph in which everyone knows everyone.
    Random,
    /// With one node, which the others join.
    Grown,
}

/// Up to how many nodes the codec is on by itself.
const MOST_CODED: usize = 1_000;

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident: $kind:ty, $value:literal;)+) => {
        /// The settings that are given; what is not given has its default.
        #[derive(Clone, Debug, Default, clap::Args, Deserialize)]
        #[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Flags {
            $($(#[$doc])* #[arg(long, value_name = $value)] pub $name: Option<$kind>,)+
        }

        impl Flags {
            /// These settings, and those of `other` where nothing is given here.
            pub fn or(self, other: Flags) -> Flags {
                Flags { $($name: self.$name.or(other.$name),)+ }
            }
        }
    };
}

flags! {
    /// Nodes at the beginning, 2 to 100,000 [default: 1000].
    nodes: usize, "NUMBER";
    /// Most links per node, 2 to 64 [default: 5].
    max_peers: usize, "NUMBER";
    /// How often somebody broadcasts [default: 20].
    broadcasts: usize, "NUMBER";
    /// Who broadcasts [default: one].
    senders: WhoSends, "WHO";
    /// Time between two broadcasts [default: 1s].
    every: Span, "DURATION";
    /// How long one way takes: 50ms, or 10ms-50ms for any time between [default: 50ms].
    latency: Latency, "TIME";
    /// Whether that is drawn for each message anew, or for each link once [default: message].
    latency_drawn: DrawnFor, "FOR";
    /// Share of the requests, and of the answers, that are lost [default: 0%].
    loss: Share, "SHARE";
    /// Share of the nodes that die at once; several with commas are several runs [default: 0%].
    kill: Shares, "SHARES";
    /// Whether killed nodes are silent or refuse connections [default: silent].
    kill_mode: Killed, "MODE";
    /// Share of the nodes that is cut off while the broadcasts are made, and for how long: 50%:10s, or 50% for ever.
    partition: Partition, "SHARE[:DURATION]";
    /// How many nodes join, and as many leave, before the first broadcast [default: 0].
    churn: usize, "NUMBER";
    /// Time between two joins [default: 1s].
    churn_every: Span, "DURATION";
    /// Decides everything [default: 1].
    seed: u64, "NUMBER";
    /// Whether nodes have states; `off` for broadcasts only [default: on].
    state: Switch, "SWITCH";
    /// Whether everything passes through the JSON codec; auto: up to 1,000 nodes [default: auto].
    codec: Codec, "SWITCH";
    /// Whether messages travel over trees or flood [default: trees].
    dissemination: Dissemination, "HOW";
    /// Time between two digests over a link [default: 1s].
    heartbeat: Span, "DURATION";
    /// How long a suspect has to refute [default: 2s].
    suspicion: Span, "DURATION";
    /// Processor time that each thing takes which a node does (reading a request, an answer or a message, looking what is due), on
    /// one machine that all of them share: 150us, up to 1s; 0us: nobody is ever short of it [default: 0us].
    work: Work, "DURATION";
    /// That machine's processors, 1 to 1,024 [default: 2].
    processors: usize, "NUMBER";
    /// How much longer than it was late itself a node waits for others before it blames them; 0: it does not look at
    /// itself [default: 4].
    patience: u64, "TIMES";
    /// Hops that a message may travel; below 64 no repair hands it on [default: 64].
    ttl: u8, "HOPS";
    /// Whether the network stands at the beginning or grows from one seed [default: random].
    topology: Topology, "HOW";
    /// Undisturbed time at the beginning [default: 2 heartbeats].
    warm_up: Span, "DURATION";
    /// Time between the kill and the first broadcast [default: 5 heartbeats].
    pause: Span, "DURATION";
    /// Time to heal after the last thing that happens [default: 30 heartbeats].
    settle: Span, "DURATION";
}

impl Flags {
    /// The settings of one run in which this share is killed.
    pub fn settings(&self, kill: Share) -> Settings {
        let usual = Settings::default();
        let span = |given: Option<Span>, usual: u64| given.map_or(usual, |span| span.0);
        let nodes = self.nodes.unwrap_or(usual.nodes);
        let heartbeat_ms = span(self.heartbeat, usual.heartbeat_ms);
        let Latency(low, high) = self.latency.unwrap_or(Latency(usual.latency_ms.0, usual.latency_ms.1));
        Settings {
            nodes,
            max_peers: self.max_peers.unwrap_or(usual.max_peers),
            broadcasts: self.broadcasts.unwrap_or(usual.broadcasts),
            senders: match self.senders.unwrap_or(WhoSends::One) {
                WhoSends::One => Senders::One,
                WhoSends::Random => Senders::Random,
                WhoSends::Turn => Senders::Turn,
                WhoSends::All => Senders::All,
            },
            every_ms: span(self.every, usual.every_ms),
            latency_ms: (low, high),
            latency_drawn: if self.latency_drawn == Some(DrawnFor::Link) { Drawn::Link } else { Drawn::Message },
            loss_permille: self.loss.map_or(0, |loss| loss.0),
            kill_permille: kill.0,
            kill_mode: match self.kill_mode.unwrap_or(Killed::Silent) {
                Killed::Silent => KillMode::Silent,
                Killed::Refuse => KillMode::Refuse,
            },
            partition: self.partition.map(|Partition(share, lasts)| (share.0, lasts.map(|span| span.0))),
            churn: self.churn.unwrap_or(0),
            churn_every_ms: span(self.churn_every, usual.churn_every_ms),
            seed: self.seed.unwrap_or(usual.seed),
            state: self.state != Some(Switch::Off),
            codec: match self.codec.unwrap_or(Codec::Auto) {
                Codec::On => true,
                Codec::Off => false,
                Codec::Auto => nodes <= MOST_CODED,
            },
            trees: self.dissemination != Some(Dissemination::Flood),
            heartbeat_ms,
            suspicion_ms: span(self.suspicion, 2 * heartbeat_ms),
            ttl: self.ttl.unwrap_or(usual.ttl),
            work_us: self.work.map_or(usual.work_us, |work| work.0),
            processors: self.processors.unwrap_or(usual.processors),
            patience: self.patience.unwrap_or(usual.patience),
            start: if self.topology == Some(Topology::Grown) { Start::Grown } else { Start::Random },
            warm_up_ms: span(self.warm_up, 2 * heartbeat_ms),
            pause_ms: span(self.pause, 5 * heartbeat_ms),
            settle_ms: span(self.settle, 30 * heartbeat_ms),
            acts: Vec::new(),
        }
    }
}

/// The command that does exactly this again.
pub fn replay(settings: &Settings, scenario: Option<&str>) -> String {
    let senders = Senders::ALL.iter().find(|(who, _)| *who == settings.senders).map_or("one", |(_, name)| name);
    let share = |permille: u32| format!("{}%", f64::from(permille) / 10.0);
    let switch = |on| if on { "on" } else { "off" };
    let (low, high) = settings.latency_ms;
    let mut command = format!(
        "gossip simulate --nodes {} --max-peers {} --broadcasts {} --senders {senders} --every {}ms \
         --latency {low}ms-{high}ms --seed {} --state {} --codec {} --dissemination {} --heartbeat {}ms \
         --suspicion {}ms --ttl {} --topology {} --warm-up {}ms --pause {}ms --settle {}ms",
        settings.nodes,
        settings.max_peers,
        settings.broadcasts,
        settings.every_ms,
        settings.seed,
        switch(settings.state),
        switch(settings.codec),
        if settings.trees { "trees" } else { "flood" },
        settings.heartbeat_ms,
        settings.suspicion_ms,
        settings.ttl,
        if settings.start == Start::Grown { "grown" } else { "random" },
        settings.warm_up_ms,
        settings.pause_ms,
        settings.settle_ms,
    );
    let mode = if settings.kill_mode == KillMode::Silent { "silent" } else { "refuse" };
    let mut add = |wanted: bool, flag: String| {
        if wanted {
            command.push_str(&flag);
        }
    };
    add(settings.latency_drawn == Drawn::Link, " --latency-drawn link".to_owned());
    add(settings.loss_permille > 0, format!(" --loss {}", share(settings.loss_permille)));
    add(settings.kill_permille > 0, format!(" --kill {} --kill-mode {mode}", share(settings.kill_permille)));
    add(settings.churn > 0, format!(" --churn {} --churn-every {}ms", settings.churn, settings.churn_every_ms));
    add(settings.work_us > 0, format!(" --work {}us --processors {}", settings.work_us, settings.processors));
    let usual = Settings::default().patience;
    add(settings.patience != usual, format!(" --patience {}", settings.patience));
    if let Some((permille, lasts)) = settings.partition {
        let lasts = lasts.map(|lasts| format!(":{lasts}ms")).unwrap_or_default();
        add(true, format!(" --partition {}{lasts}", share(permille)));
    }
    if let Some(file) = scenario {
        add(true, format!(" --scenario {file}"));
    }
    command
}
