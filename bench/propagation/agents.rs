//! Networks of other systems: their agents under bench/peers, spoken to in lines over their standard streams.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rand::rngs::SmallRng;
use rand::{RngExt, seq::SliceRandom};

use super::systems::{Arrival, Dialling, System};

/// The longest an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A network of agents.
pub struct Agents {
    agents: Vec<Agent>,
    processes: Vec<u32>,
}

struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // An agent ends with its input, and takes along what it started itself.
        drop(self.input.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        // It hangs, or has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    fn start(program: &Path, arguments: &[String]) -> anyhow::Result<Agent> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let (input, output) = (child.stdin.take().context("no input")?, child.stdout.take().context("no output")?);
        let (told, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Agent { child, input: Some(input), lines })
    }

    fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("an agent ended")?;
        input.write_all(format!("{line}\n").as_bytes()).context("an agent ended")
    }

    fn hear(&mut self) -> anyhow::Result<String> {
        self.lines.recv_timeout(PATIENCE).context("an agent ended or hangs")
    }
}

impl Agents {
    /// Starts them, and tells them whom to dial.
    pub fn start(
        program: &Path,
        arguments: &[String],
        nodes: usize,
        dialling: Dialling,
        random: &mut SmallRng,
    ) -> anyhow::Result<Agents> {
        let mut agents: Vec<Agent> = (0..nodes).map(|_| Agent::start(program, arguments)).collect::<Result<_, _>>()?;
        let (mut addresses, mut processes) = (Vec::new(), Vec::new());
        for agent in &mut agents {
            let line = agent.hear()?;
            let ["ready", address, process] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                bail!("an agent said {line:?}");
            };
            addresses.push(address.to_owned());
            processes.push(process.parse()?);
        }
        for (i, agent) in agents.iter_mut().enumerate() {
            let chosen: Vec<usize> = match dialling {
                Dialling::AllOthers => (0..nodes).filter(|other| *other != i).collect(),
                Dialling::OneEarlier => (0..i).nth(random.random_range(0..i.max(1))).into_iter().collect(),
                Dialling::Others(count) => {
                    let mut others: Vec<usize> = (0..nodes).filter(|other| *other != i).collect();
                    others.shuffle(random);
                    others.truncate(count);
                    others
                }
            };
            if !chosen.is_empty() {
                let dialled: Vec<&str> = chosen.iter().map(|other| addresses[*other].as_str()).collect();
                agent.tell(&format!("dial {}", dialled.join(" ")))?;
            }
        }
        Ok(Agents { agents, processes })
    }
}

impl System for Agents {
    fn processes(&self) -> &[u32] {
        &self.processes
    }

    fn members(&mut self, of: usize) -> anyhow::Result<Vec<usize>> {
        for agent in self.agents.iter_mut().take(of) {
            agent.tell("members")?;
        }
        let parse = |agent: &mut Agent| {
            let line = agent.hear()?;
            let count = line.strip_prefix("members ").with_context(|| format!("an agent said {line:?}"))?;
            Ok(count.parse()?)
        };
        self.agents.iter_mut().take(of).map(parse).collect()
    }

    fn observe(&mut self, on: bool) -> anyhow::Result<()> {
        self.agents.iter_mut().try_for_each(|agent| agent.tell(if on { "observe on" } else { "observe off" }))
    }

    fn publish(&mut self, from: usize, id: u64, bytes: usize) -> anyhow::Result<()> {
        self.agents[from].tell(&format!("publish {id} {bytes}"))
    }

    fn arrivals(&mut self) -> anyhow::Result<Vec<Arrival>> {
        for agent in &mut self.agents {
            agent.tell("take")?;
        }
        let mut arrivals = Vec::new();
        for (node, agent) in self.agents.iter_mut().enumerate() {
            loop {
                let line = agent.hear()?;
                match line.split_whitespace().collect::<Vec<_>>()[..] {
                    ["taken"] => break,
                    ["got", id, at] => arrivals.push(Arrival { node, id: id.parse()?, at: at.parse()? }),
                    _ => bail!("an agent said {line:?}"),
                }
            }
        }
        Ok(arrivals)
    }

    fn transmissions(&mut self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }
}
