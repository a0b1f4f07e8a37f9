//! One system with one size of the network in one round: started, warmed up, and measured phase by phase.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::Options;
use super::gauges::{self, Traffic, loopback, processor_time};
use super::systems::{Arrival, Complete, Contender, System};

/// How long a network may take to be complete.
const READY: Duration = Duration::from_secs(120);

/// How long links must have stood still: gossipsub's first heartbeat comes after 5 s.
const STILL: Duration = Duration::from_secs(7);

/// How long a message may be under way before it counts as lost.
const LOST: Duration = Duration::from_secs(10);

/// The figures of one round.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Each figure by its name.
    pub figures: BTreeMap<&'static str, f64>,
    /// Milliseconds until the last node had each message, sent one at a time.
    pub last_ms: Vec<f64>,
    /// The same at a steady rate.
    pub rate_last_ms: Vec<f64>,
}

/// A payload that was published.
struct Published {
    id: u64,
    at: u64,
}

/// A network under measurement.
struct Bench<'a> {
    options: &'a Options,
    contender: &'a Contender,
    system: Box<dyn System>,
    nodes: usize,
    /// The number of the next payload, which also says who publishes it.
    next: u64,
}

/// Measures one round.
pub fn run(options: &Options, contender: &Contender, nodes: usize, round: u32) -> anyhow::Result<Round> {
    let (seed, first) = (options.seed + u64::from(round), round == 0);
    let submission = if contender.watched_apart { submission(options, contender, seed)? } else { Traffic::default() };
    let began = Instant::now();
    let system = contender.start(nodes, seed)?;
    let mut bench = Bench { options, contender, system, nodes, next: 0 };
    bench.await_complete()?;
    let mut round = Round::default();
    round.figures.insert("ready_s", began.elapsed().as_secs_f64());
    bench.warm_up()?;
    let (idle_traffic, idle_cpu) = bench.idle(&mut round)?;
    bench.singles(&mut round, submission, idle_traffic, idle_cpu)?;
    if options.rate > 0 {
        bench.steady(&mut round)?;
    }
    if first && contender.detects() && nodes > 2 {
        bench.detect(&mut round)?;
    }
    Ok(round)
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What one submission moves over the loopback by itself, measured at a node that has nobody to tell.
fn submission(options: &Options, contender: &Contender, seed: u64) -> anyhow::Result<Traffic> {
    const COUNT: u64 = 20;
    let system = contender.start(1, seed)?;
    let mut bench = Bench { options, contender, system, nodes: 1, next: 0 };
    bench.await_complete()?;
    bench.pace(1, Duration::from_millis(80))?;
    let before = loopback()?;
    bench.pace(COUNT, Duration::from_millis(80))?;
    Ok((loopback()? - before) * (1.0 / COUNT as f64))
}

impl Bench<'_> {
    fn await_complete(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let (mut last, mut since) = (Vec::new(), Instant::now());
        loop {
            let members = self.system.members(self.nodes)?;
            if members != last {
                (last, since) = (members, Instant::now());
            }
            let complete = match self.contender.complete {
                Complete::All => last.iter().all(|count| *count == self.nodes - 1),
                Complete::Links(least) => {
                    let least = least.min(self.nodes - 1);
                    last.iter().all(|count| *count >= least) && since.elapsed() >= STILL
                }
            };
            if complete {
                return Ok(());
            }
            if began.elapsed() > READY {
                bail!("not complete within {} s: {last:?}", READY.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Publishes so many, each after the one before had its time.
    fn pace(&mut self, count: u64, gap: Duration) -> anyhow::Result<Vec<Published>> {
        let (mut published, mut due) = (Vec::new(), Instant::now());
        for _ in 0..count {
            let (id, from) = (self.next, (self.next % self.nodes as u64) as usize);
            self.next += 1;
            let (at, _) = gauges::now()?;
            self.system.publish(from, id, self.options.bytes as usize)?;
            published.push(Published { id, at });
            due += gap;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(published)
    }

    /// One message of each node goes ahead: trees form with the first.
    fn warm_up(&mut self) -> anyhow::Result<()> {
        let gap = self.contender.gap.min(Duration::from_millis(100));
        self.pace(self.nodes as u64, gap)?;
        std::thread::sleep(self.contender.gap * 4);
        self.system.arrivals()?;
        Ok(())
    }

    /// Traffic and processor time of a second in which nothing is published.
    fn idle(&mut self, round: &mut Round) -> anyhow::Result<(Traffic, f64)> {
        let rounds = if self.contender.is_slow() { 1 } else { self.options.rounds };
        let (traffic, cpu, began) = (loopback()?, self.processor_time()?, Instant::now());
        std::thread::sleep(Duration::from_secs(u64::from((self.options.idle / rounds).max(1))));
        let took = began.elapsed().as_secs_f64();
        let (traffic, cpu) = ((loopback()? - traffic) * (1.0 / took), (self.processor_time()? - cpu) / took);
        round.figures.insert("idle_kb_per_s", traffic.bytes / 1_000.0);
        round.figures.insert("idle_packets_per_s", traffic.packets);
        round.figures.insert("idle_cpu_s_in_20_s", cpu * 20.0);
        Ok((traffic, cpu))
    }

    /// Messages one at a time: what they cost, and when they were everywhere.
    fn singles(
        &mut self,
        round: &mut Round,
        submission: Traffic,
        idle_traffic: Traffic,
        idle_cpu: f64,
    ) -> anyhow::Result<()> {
        let count = u64::from(self.options.messages) / if self.contender.takes_seconds() { 3 } else { 1 };
        let sent = self.system.transmissions()?;
        // The last acknowledgements of what was just asked are not a message's.
        std::thread::sleep(Duration::from_millis(200));
        let (traffic, cpu, began) = (loopback()?, self.processor_time()?, Instant::now());
        let mut published = self.pace(count, self.contender.gap)?;
        let (traffic, cpu) = (loopback()? - traffic, self.processor_time()? - cpu);
        let took = began.elapsed().as_secs_f64();
        let each = (traffic - idle_traffic * took) * (1.0 / count as f64) - submission;
        round.figures.insert("kb_per_message", each.bytes / 1_000.0);
        round.figures.insert("packets_per_message", each.packets);
        round.figures.insert("cpu_ms_per_message", (cpu - idle_cpu * took) * 1_000.0 / count as f64);
        if let (Some(before), Some(after)) = (sent, self.system.transmissions()?) {
            round.figures.insert("transmissions_per_message", (after - before) as f64 / count as f64);
        }
        self.sizes(round)?;
        let mut arrivals = Vec::new();
        if self.contender.watched_apart {
            self.system.observe(true)?;
            std::thread::sleep(Duration::from_millis(500));
            published.clear();
            for _ in 0..count {
                published.extend(self.pace(1, self.contender.gap)?);
                // Each is read before the next, so that each has a stamp of its own.
                arrivals.extend(self.system.arrivals()?);
            }
        }
        self.await_arrivals(&published, &mut arrivals)?;
        let (last, delivered) = self.judge(&published, &arrivals);
        round.last_ms = last;
        round.figures.insert("delivered", delivered);
        Ok(())
    }

    /// Memory and threads of a node, while nobody watches.
    fn sizes(&self, round: &mut Round) -> anyhow::Result<()> {
        let processes = self.system.processes();
        let each = |field: &str| processes.iter().map(|process| gauges::status(*process, field)).collect();
        let (rss, threads): (anyhow::Result<Vec<f64>>, anyhow::Result<Vec<f64>>) = (each("VmRSS:"), each("Threads:"));
        round.figures.insert("rss_mib", middle(&mut rss?) / 1_024.0);
        round.figures.insert("threads", middle(&mut threads?));
        Ok(())
    }

    /// Messages at a steady rate, each from another node.
    fn steady(&mut self, round: &mut Round) -> anyhow::Result<()> {
        let gap = Duration::from_secs(1) / self.options.rate;
        let (mut published, mut arrivals) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rate * self.options.rate_seconds {
            published.extend(self.pace(1, gap)?);
            if self.contender.watched_apart {
                arrivals.extend(self.system.arrivals()?);
            }
        }
        self.await_arrivals(&published, &mut arrivals)?;
        let (last, delivered) = self.judge(&published, &arrivals);
        round.rate_last_ms = last;
        round.figures.insert("rate_delivered", delivered);
        Ok(())
    }

    /// Ends one process as kill -9 does: seconds until all others know.
    fn detect(&mut self, round: &mut Round) -> anyhow::Result<()> {
        let survivors = self.nodes - 1;
        let process = i32::try_from(self.system.processes()[survivors])?;
        let process = rustix::process::Pid::from_raw(process).context("a process without a number")?;
        let began = Instant::now();
        rustix::process::kill_process(process, rustix::process::Signal::KILL)?;
        while self.system.members(survivors)?.contains(&survivors) {
            ensure!(began.elapsed() < READY, "a death not noticed within {} s", READY.as_secs());
            std::thread::sleep(Duration::from_millis(20));
        }
        round.figures.insert("death_known_s", began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Waits until everything that was published has arrived everywhere, or counts as lost.
    fn await_arrivals(&mut self, published: &[Published], arrivals: &mut Vec<Arrival>) -> anyhow::Result<()> {
        let began = Instant::now();
        let first = published.first().map_or(0, |message| message.id);
        loop {
            arrivals.extend(self.system.arrivals()?);
            let here = arrivals.iter().filter(|arrival| arrival.id >= first).count();
            if here >= published.len() * self.nodes || began.elapsed() > LOST {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Milliseconds until the last node had each message that came everywhere, and the share of deliveries that were made.
    fn judge(&self, published: &[Published], arrivals: &[Arrival]) -> (Vec<f64>, f64) {
        let mut by_id: BTreeMap<u64, Vec<Option<u64>>> = BTreeMap::new();
        for message in published {
            by_id.insert(message.id, vec![None; self.nodes]);
        }
        for arrival in arrivals {
            if let Some(nodes) = by_id.get_mut(&arrival.id) {
                nodes[arrival.node] = nodes[arrival.node].or(Some(arrival.at));
            }
        }
        let made = by_id.values().flatten().flatten().count();
        let last = |message: &Published| {
            let nodes: Option<Vec<u64>> = by_id.get(&message.id)?.iter().copied().collect();
            Some(nodes?.into_iter().max()?.saturating_sub(message.at) as f64 / 1e6)
        };
        let last = published.iter().filter_map(last).collect();
        (last, made as f64 / (published.len() * self.nodes) as f64)
    }

    fn processor_time(&self) -> anyhow::Result<f64> {
        processor_time(self.system.processes())
    }
}
