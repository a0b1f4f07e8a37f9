//! What an experiment is: the network, its faults, and who sends what when.

use std::fmt;

use crate::protocol::Config;
use crate::protocol::limits::MOST_PATIENCE;

/// Who sends the broadcasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// One node sends all.
    One,
    /// A node drawn anew sends each.
    Random,
    /// All nodes, one after the other, and again from the first.
    Turn,
    /// All nodes send at once, each time.
    All,
}

impl Senders {
    /// Every choice with its name.
    pub const ALL: [(Senders, &'static str); 4] =
        [(Senders::One, "one"), (Senders::Random, "random"), (Senders::Turn, "turn"), (Senders::All, "all")];
}

/// How a killed node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillMode {
    /// It does not answer at all, as when its machine lost power.
    Silent,
    /// Its machine refuses connections, as when the process died.
    Refuse,
}

/// For what a time between the least and the greatest latency is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// For each request and each answer anew: links that are alike and waver.
    Message,
    /// For each pair of nodes once: distances that differ and stay.
    Link,
}

/// How the network begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// As a random regular graph in which everyone knows everyone.
    Random,
    /// With one node, which the others join one after the other.
    Grown,
}

/// Something that happens at a given time.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The next of the senders broadcasts; with [`Senders::All`] all do.
    Broadcast,
    /// So many of a thousand living nodes die at once.
    Kill(u32),
    /// So many of a thousand nodes are cut off from the others.
    Partition(u32),
    /// The partition ends.
    Heal,
    /// A new node joins at a living one drawn at random.
    Join,
    /// A node drawn at random leaves.
    Leave,
    /// From now on so many of a thousand requests, and of answers, are lost.
    Lose(u32),
    /// From now on one way takes between these, in milliseconds.
    Latency(u64, u64),
}

/// Settings of one experiment. All times are simulated milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Nodes at the beginning, 2 to 100,000.
    pub nodes: usize,
    /// Most links per node, 2 to 64.
    pub max_peers: usize,
    /// How often somebody broadcasts.
    pub broadcasts: usize,
    /// Who.
    pub senders: Senders,
    /// Time between two broadcasts.
    pub every_ms: u64,
    /// Least and greatest time of one way.
    pub latency_ms: (u64, u64),
    /// For what the time of a way is drawn between these.
    pub latency_drawn: Drawn,
    /// How many of a thousand requests, and of answers, are lost.
    pub loss_permille: u32,
    /// How many of a thousand nodes are killed before the first broadcast.
    pub kill_permille: u32,
    /// How killed nodes behave.
    pub kill_mode: KillMode,
    /// How many of a thousand nodes are cut off while the broadcasts are made, and for how long if not for ever.
    pub partition: Option<(u32, Option<u64>)>,
    /// How many nodes join, and as many leave, before the first broadcast.
    pub churn: usize,
    /// Time between two joins, and between two leaves.
    pub churn_every_ms: u64,
    /// Decides everything.
    pub seed: u64,
    /// Whether nodes have a state of their own and know everyone's; without it they know the senders only.
    pub state: bool,
    /// Whether everything passes through the JSON codec.
    pub codec: bool,
    /// Whether messages travel over trees, or flood.
    pub trees: bool,
    /// The nodes' heartbeat.
    pub heartbeat_ms: u64,
    /// The nodes' suspicion time.
    pub suspicion_ms: u64,
    /// Hops that a message may travel.
    pub ttl: u8,
    /// Processor time that each thing which a node does takes, in microseconds: to look what is due, to read a request
    /// or an answer, to take a message. All nodes share one machine then; 0: as many processors as it takes.
    pub work_us: u64,
    /// That machine's processors, 1 to 1,024.
    pub processors: usize,
    /// How much longer than it was late itself a node waits for others before it blames them (PROTOCOL.md, Liveness); 0: it
    /// never looks at itself.
    pub patience: u64,
    /// How the network begins.
    pub start: Start,
    /// Undisturbed time before anything happens.
    pub warm_up_ms: u64,
    /// Time between the kill, or the end of churn, and the first broadcast.
    pub pause_ms: u64,
    /// Time to heal after the last thing that happens, by when the guarantee must be kept.
    pub settle_ms: u64,
    /// Further things that happen, with their times from the end of the warm-up.
    pub acts: Vec<(u64, Act)>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            nodes: 1_000,
            max_peers: 5,
            broadcasts: 20,
            senders: Senders::One,
            every_ms: 1_000,
            latency_ms: (50, 50),
            latency_drawn: Drawn::Message,
            loss_permille: 0,
            kill_permille: 0,
            kill_mode: KillMode::Silent,
            partition: None,
            churn: 0,
            churn_every_ms: 1_000,
            seed: 1,
            state: true,
            codec: true,
            trees: true,
            heartbeat_ms: 1_000,
            suspicion_ms: 2_000,
            ttl: 64,
            work_us: 0,
            processors: 2,
            patience: Config::default().patience,
            start: Start::Random,
            warm_up_ms: 2_000,
            pause_ms: 5_000,
            settle_ms: 30_000,
            acts: Vec::new(),
        }
    }
}

/// Settings that no experiment can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Checks what single values cannot say.
    ///
    /// # Errors
    /// The first thing that cannot be, with what can.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let refuse = |text: String| Err(SettingsError(text));
        if !(2..=100_000).contains(&self.nodes) {
            return refuse(format!("nodes is {}, allowed is 2 to 100000", self.nodes));
        }
        if !(2..=64).contains(&self.max_peers) {
            return refuse(format!("max-peers is {}, allowed is 2 to 64", self.max_peers));
        }
        if self.latency_ms.0 > self.latency_ms.1 || self.latency_ms.1 > 10_000 {
            return refuse("latency must rise from its first to its second time, up to 10s".to_owned());
        }
        if !(50..=60_000).contains(&self.heartbeat_ms) || self.suspicion_ms < self.heartbeat_ms {
            return refuse("heartbeat is allowed from 50ms to 1min, and suspicion from one heartbeat on".to_owned());
        }
        if !(1..=1_024).contains(&self.processors) {
            return refuse(format!("processors is {}, allowed is 1 to 1024", self.processors));
        }
        if self.work_us > 1_000_000 {
            return refuse(format!("work is {}us, allowed is up to 1s", self.work_us));
        }
        if self.patience > MOST_PATIENCE {
            return refuse(format!("patience is {}, allowed is 0 to {MOST_PATIENCE}", self.patience));
        }
        if self.every_ms == 0 || self.churn_every_ms == 0 {
            return refuse("every and churn-every must be more than 0".to_owned());
        }
        let sent = self.broadcasts * if self.senders == Senders::All { self.nodes } else { 1 };
        if sent * self.nodes > 1_000_000_000 {
            return refuse(format!("{sent} messages to {} nodes are more than a billion deliveries", self.nodes));
        }
        if self.nodes + self.churn > 1_000_000 {
            return refuse("nodes and churn together are allowed up to 1000000".to_owned());
        }
        Ok(())
    }

    /// Everything that happens, in order, with its time.
    pub(super) fn plan(&self) -> Vec<(u64, Act)> {
        let mut plan = Vec::new();
        let mut at = self.warm_up_ms;
        if self.start == Start::Grown {
            plan.extend((1..self.nodes).map(|step| (20 * step as u64, Act::Join)));
            at += 20 * self.nodes as u64;
        }
        let begin = at;
        for _ in 0..self.churn {
            plan.push((at, Act::Join));
            plan.push((at + self.churn_every_ms / 2, Act::Leave));
            at += self.churn_every_ms;
        }
        if self.kill_permille > 0 {
            plan.push((at, Act::Kill(self.kill_permille)));
        }
        if self.kill_permille > 0 || self.churn > 0 {
            at += self.pause_ms;
        }
        if let Some((permille, lasts_ms)) = self.partition {
            plan.push((at, Act::Partition(permille)));
            plan.extend(lasts_ms.map(|lasts_ms| (at + lasts_ms, Act::Heal)));
        }
        for _ in 0..self.broadcasts {
            plan.push((at, Act::Broadcast));
            at += self.every_ms;
        }
        plan.extend(self.acts.iter().map(|(after, act)| (begin + after, act.clone())));
        plan.sort_by_key(|(at, _)| *at);
        plan
    }
}
