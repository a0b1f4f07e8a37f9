//! What happens to the network, and what is found.

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::Options;
use crate::gauges::{self, Level, Sample};
use crate::ledger::Ledger;
use crate::nodes::{Asker, Node, free_ports, messages_on_disk};

/// How long a killed node stays dead.
const DEAD_FOR: Duration = Duration::from_secs(2);

/// Time between two looks at what all nodes hold.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Within this time after the last harm everything must be everywhere.
const SETTLE: Duration = Duration::from_secs(60);

/// What was found.
#[derive(Serialize)]
pub struct Report {
    pub seconds: f64,
    pub acknowledged: usize,
    pub not_acknowledged: usize,
    pub kills: usize,
    pub partitions: usize,
    /// Seconds after the last harm until every node had shown every acknowledged message.
    pub complete_after_seconds: Option<f64>,
    pub levels: Vec<Level>,
    pub samples: Vec<Sample>,
    pub broken: Vec<String>,
}

impl Report {
    pub fn write(&self, out: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(out)?;
        std::fs::write(out.join("soak.json"), serde_json::to_vec_pretty(self)?)?;
        gauges::draw(&self.samples, &out.join("soak.svg"))
    }

    pub fn print(&self) {
        println!(
            "{:.0} s, {} messages acknowledged and {} not, {} kills, {} partitions",
            self.seconds, self.acknowledged, self.not_acknowledged, self.kills, self.partitions
        );
        if let Some(seconds) = self.complete_after_seconds {
            println!("every message at every node {seconds:.1} s after the last harm");
        }
        for level in &self.levels {
            println!(
                "{:<11}{:>9.2} {}, risen by {:.2} over the second half (allowed {:.2})",
                level.gauge, level.mean, level.unit, level.rise, level.allowed
            );
        }
        for complaint in &self.broken {
            println!("BROKEN: {complaint}");
        }
    }
}

/// Draws the curves that a report holds, once more.
pub fn draw_again(report: &Path, out: &Path) -> std::io::Result<()> {
    #[derive(Deserialize)]
    struct Drawn {
        samples: Vec<Sample>,
    }
    let drawn: Drawn = serde_json::from_slice(&std::fs::read(report)?)?;
    std::fs::create_dir_all(out)?;
    gauges::draw(&drawn.samples, &out.join("soak.svg"))
}

/// Something that comes again and again.
struct Rhythm {
    every: Duration,
    next: Instant,
}

impl Rhythm {
    fn new(every: Duration) -> Rhythm {
        Rhythm { every, next: Instant::now() + every }
    }

    fn is_due(&mut self) -> bool {
        let due = Instant::now() >= self.next;
        if due {
            self.next += self.every;
        }
        due
    }
}

struct Story<'a> {
    options: &'a Options,
    nodes: Vec<Node>,
    asker: Asker,
    ledger: Ledger,
    random: SmallRng,
    /// The two sides, while the network is torn.
    torn: Option<(Vec<u16>, Vec<u16>)>,
    sent: usize,
    not_acknowledged: usize,
}

/// Runs the network through its harm.
pub fn tell(options: &Options) -> Report {
    let home = tempfile::tempdir().expect("a directory for the nodes");
    let ports = free_ports(usize::from(options.nodes));
    let start =
        |(i, port): (usize, &u16)| Node::start(*port, &ports[..2], options.log, home.path().join(format!("node{i}")));
    let mut story = Story {
        options,
        nodes: ports.iter().enumerate().map(start).collect(),
        asker: Asker::new(),
        ledger: Ledger::new(ports.len()),
        random: SmallRng::seed_from_u64(options.seed),
        torn: None,
        sent: 0,
        not_acknowledged: 0,
    };
    story.await_agreement("at the start");
    let began = Instant::now();
    let (kills, partitions, samples) = story.harm();
    let seconds = began.elapsed().as_secs_f64();
    let complete_after_seconds = story.settle();
    story.look_at_disks();
    let levels = gauges::levels(&samples);
    for level in levels.iter().filter(|level| level.rise > level.allowed) {
        let complaint = format!("{} rose by {:.2} {} over the second half", level.gauge, level.rise, level.unit);
        story.ledger.complain(complaint);
    }
    Report {
        seconds,
        acknowledged: story.ledger.acknowledged(),
        not_acknowledged: story.not_acknowledged,
        kills,
        partitions,
        complete_after_seconds,
        levels,
        samples,
        broken: story.ledger.broken,
    }
}

impl Story<'_> {
    /// The main part: messages, kills, partitions, samples.
    fn harm(&mut self) -> (usize, usize, Vec<Sample>) {
        let options = self.options;
        let (mut kills, mut partitions, mut samples) = (0, 0, Vec::new());
        let mut message = Rhythm::new(Duration::from_secs(1) / options.rate.max(1));
        let mut kill = Rhythm::new(options.kill_every);
        let mut partition = Rhythm::new(options.partition_every.min(options.duration / 3));
        let mut sample = Rhythm::new((options.duration / 240).max(Duration::from_secs(1)));
        let mut look = Rhythm::new(LOOK_EVERY);
        let (mut dead, mut heal_at): (Option<(usize, Instant)>, Option<Instant>) = (None, None);
        let (began, bar) = (Instant::now(), progress(options.duration));
        while began.elapsed() < options.duration {
            if message.is_due() {
                self.submit();
            }
            if kill.is_due() && dead.is_none() {
                let victim = self.random.random_range(options.spared.min(self.nodes.len() - 1)..self.nodes.len());
                self.nodes[victim].kill();
                kills += 1;
                dead = Some((victim, Instant::now() + DEAD_FOR));
            }
            if let Some((victim, _)) = dead.filter(|(_, until)| Instant::now() >= *until) {
                self.nodes[victim].restart();
                self.retear(victim);
                dead = None;
            }
            if partition.is_due() && heal_at.is_none() {
                self.tear();
                partitions += 1;
                heal_at = Some(Instant::now() + options.partition_for);
            }
            if heal_at.is_some_and(|at| Instant::now() >= at) {
                self.heal();
                heal_at = None;
            }
            if look.is_due() {
                self.look();
            }
            if sample.is_due() {
                let spared = &self.nodes[..options.spared.clamp(1, self.nodes.len())];
                samples.extend(gauges::sample(began.elapsed().as_secs_f64(), spared.iter()));
                bar.set_position(began.elapsed().as_secs());
                bar.set_message(format!("{} messages, {kills} kills, {partitions} partitions", self.sent));
            }
            let next = message.next.min(look.next);
            std::thread::sleep(next.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
        }
        bar.finish_and_clear();
        if let Some((victim, _)) = dead {
            self.nodes[victim].restart();
        }
        self.heal();
        (kills, partitions, samples)
    }

    /// Submits one message at any node that is up.
    fn submit(&mut self) {
        let up: Vec<usize> = (0..self.nodes.len()).filter(|i| self.nodes[*i].is_up()).collect();
        let Some(node) = up.choose(&mut self.random) else { return };
        self.sent += 1;
        match self.asker.submit(&self.nodes[*node], &format!("message {} of the long run", self.sent)) {
            Some(uuid) => self.ledger.acknowledge(uuid),
            None => self.not_acknowledged += 1,
        }
    }

    /// Tears the network into two halves drawn at random.
    fn tear(&mut self) {
        let mut ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        ports.shuffle(&mut self.random);
        let right = ports.split_off(ports.len() / 2);
        self.torn = Some((ports, right));
        (0..self.nodes.len()).for_each(|i| self.retear(i));
    }

    /// Tells one node on which side it is; one that has just started is waited for.
    fn retear(&mut self, node: usize) {
        let Some((left, right)) = &self.torn else { return };
        let other = if left.contains(&self.nodes[node].port) { right } else { left };
        let end = Instant::now() + Duration::from_secs(5);
        while self.nodes[node].is_up() && !self.asker.cut(&self.nodes[node], other) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn heal(&mut self) {
        self.torn = None;
        for node in self.nodes.iter().filter(|node| node.is_up()) {
            // A node that does not answer has just started, and begins without faults.
            let _ = self.asker.cut(node, &[]);
        }
    }

    /// Looks at what each node holds, and whether one died by itself.
    fn look(&mut self) {
        for i in 0..self.nodes.len() {
            if self.nodes[i].has_died() {
                self.ledger.complain(format!("node {i} ended by itself"));
                self.nodes[i].kill();
            }
            let (node, life) = (&self.nodes[i], self.nodes[i].life);
            if !node.is_up() {
                continue;
            }
            if let Some(messages) = self.asker.messages(node, self.ledger.since(i, life)) {
                self.ledger.enter_messages(i, life, &messages);
            }
            if let Some(states) = self.asker.states(node) {
                self.ledger.enter_states(i, &states);
            }
        }
    }

    /// Waits until everything is everywhere; the seconds it took.
    fn settle(&mut self) -> Option<f64> {
        let began = Instant::now();
        loop {
            self.look();
            let missing = self.ledger.missing();
            if missing == 0 {
                let seconds = began.elapsed().as_secs_f64();
                self.await_agreement("at the end");
                return Some(seconds);
            }
            if began.elapsed() > SETTLE {
                self.ledger.complain(format!("{missing} times an acknowledged message is missing at a node"));
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends all nodes; what was evicted from a log must have left its disk too, a second later.
    fn look_at_disks(&mut self) {
        let most = self.options.log as u64 + 2 * u64::from(self.options.rate);
        for (i, node) in self.nodes.iter_mut().enumerate() {
            node.kill();
            match messages_on_disk(&node.directory) {
                Ok(count) if (1..=most).contains(&count) => {}
                Ok(count) => self.ledger.complain(format!("{count} messages on node {i}'s disk, 1 to {most} expected")),
                Err(error) => self.ledger.complain(format!("node {i}'s disk cannot be read: {error}")),
            }
        }
    }

    fn await_agreement(&mut self, when: &str) {
        let end = Instant::now() + SETTLE;
        loop {
            let digests: Vec<_> = self.nodes.iter().filter_map(|node| self.asker.digest(node)).collect();
            let all = digests.len() == self.nodes.len();
            // Books go on changing; messages and who lives do not.
            let agreed = digests
                .iter()
                .all(|digest| digest.live == self.nodes.len() && digest.messages_hash == digests[0].messages_hash);
            if all && agreed {
                return;
            }
            if Instant::now() > end {
                self.ledger.complain(format!("{when} the nodes do not agree within {} s", SETTLE.as_secs()));
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn progress(duration: Duration) -> ProgressBar {
    let bar = ProgressBar::new(duration.as_secs());
    let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {msg}");
    // A template that is wrong would only change how the bar looks.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
