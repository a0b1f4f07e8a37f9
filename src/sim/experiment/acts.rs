//! What happens in an experiment: building the network, broadcasts, deaths, partitions, joins and leaves.

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use uuid::Uuid;

use super::engine::{Engine, Host};
use super::settings::{Act, Senders, SettingsError, Start};
use crate::protocol::{
    Config, Content, Input, Kind, Known, Message, Node, NodeId, Payload, Request, Seed, Submission, Time,
};
use crate::topology::random_regular;

/// A newcomer is given so many seeds, as an operator would: one alone may die in the same moment.
const SEEDS: usize = 3;

impl Engine<'_> {
    fn config(&self) -> Config {
        let settings = self.settings;
        Config {
            cluster: "simulation".into(),
            max_peers: settings.max_peers,
            interval_ms: 0,
            ttl: settings.ttl,
            trees: settings.trees,
            heartbeat_ms: settings.heartbeat_ms,
            suspicion_ms: settings.suspicion_ms,
            patience: settings.patience,
            max_books: 0,
            max_nodes: 1_000_000,
            max_state_bytes: 1 << 40,
            ..Config::default()
        }
    }

    fn seed_of(&self, number: usize) -> Seed {
        let mixed = self.settings.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((number as u64 + 1) << 20);
        SmallRng::seed_from_u64(mixed).random()
    }

    /// Builds the network as it is at the beginning.
    pub(super) fn build(&mut self) -> Result<(), SettingsError> {
        match self.settings.start {
            Start::Grown => {
                let config = self.config();
                self.add(config);
                Ok(())
            }
            Start::Random => self.build_linked(),
        }
    }

    fn add(&mut self, config: Config) -> u32 {
        let number = self.hosts.len();
        let node = Node::new(config, self.id(number), self.seed_of(number), Time(self.now()));
        self.hosts.push(Host::of(node));
        if !self.apart.is_empty() {
            self.apart.push(false);
        }
        self.drive(number as u32, |node, now, out| node.handle(now, Input::Wake, out));
        number as u32
    }

    fn build_linked(&mut self) -> Result<(), SettingsError> {
        let nodes = self.settings.nodes;
        let degree = self.settings.max_peers.min(nodes - 1);
        // Of an odd number of nodes one has a free place where the degree is odd as well.
        let degree = if nodes * degree % 2 == 1 { degree - 1 } else { degree };
        let graph =
            random_regular(nodes, degree, &mut self.random).map_err(|error| SettingsError(error.to_string()))?;
        let (now, config) = (Time(self.now()), self.config());
        let mut made: Vec<Node> =
            (0..nodes).map(|number| Node::new(config.clone(), self.id(number), self.seed_of(number), now)).collect();
        let boots: Vec<u64> = made.iter().map(|node| node.view().boot()).collect();
        let knows = if self.settings.state { nodes } else { self.known_senders() };
        let states: Vec<Message> = (0..knows).map(|number| self.first_state(number)).collect();
        let known = Known::new(now, config.table_bounds(), states.iter());
        for (number, node) in made.iter_mut().enumerate() {
            let peers = graph.neighbours(number).iter().map(|peer| (self.id(*peer), boots[*peer]));
            node.stand_among(now, &known, peers);
        }
        self.hosts = made.into_iter().map(Host::of).collect();
        for number in 0..nodes {
            self.drive(number as u32, |node, now, out| node.handle(now, Input::Wake, out));
        }
        Ok(())
    }

    /// Without states, a node knows those who will send, as their trees need a name.
    fn known_senders(&self) -> usize {
        match self.settings.senders {
            Senders::One => 1,
            Senders::Random | Senders::Turn => self.settings.broadcasts.min(self.settings.nodes),
            Senders::All => self.settings.nodes,
        }
    }

    fn first_state(&self, number: usize) -> Message {
        let id = self.id(number);
        Message::new(
            self.settings.ttl,
            [id.clone()].into(),
            Content {
                uuid: Uuid::from_u128(u128::from(self.settings.seed) << 64 | number as u128 | 2 << 126),
                origin: id,
                version: 1,
                kind: Kind::State,
                payload: Payload::of_book(Some("Middlemarch by George Eliot")),
                relays: 0,
                stamp: 0,
                seal: None,
            },
        )
    }

    /// Lets something happen.
    pub(super) fn act(&mut self, act: &Act) {
        self.note(format_args!("{act:?}"));
        match act {
            Act::Broadcast => self.broadcast(),
            Act::Kill(permille) => {
                for number in self.some_of(*permille) {
                    self.kill(number);
                }
            }
            Act::Partition(permille) => {
                let cut = self.some_of(*permille);
                self.apart = vec![false; self.hosts.len()];
                cut.into_iter().for_each(|number| self.apart[number] = true);
            }
            Act::Heal => self.apart.clear(),
            Act::Join => self.join(),
            Act::Leave => self.leave(),
            Act::Lose(permille) => self.loss_permille = *permille,
            Act::Latency(low, high) => self.latency_ms = (*low, *high),
        }
    }

    fn live_numbers(&self) -> Vec<usize> {
        self.live().map(|(number, _)| number).collect()
    }

    fn some_of(&mut self, permille: u32) -> Vec<usize> {
        let mut live = self.live_numbers();
        live.shuffle(&mut self.random);
        live.truncate(live.len() * permille as usize / 1_000);
        live
    }

    fn broadcast(&mut self) {
        let live = self.live_numbers();
        if live.is_empty() {
            return;
        }
        let bound = self.known_senders();
        let sent = self.measures.sent.len();
        match self.settings.senders {
            Senders::One => self.send_from(live[0]),
            Senders::Turn => self.send_from(live[sent % live.len()]),
            Senders::Random => {
                let known = live.partition_point(|number| *number < bound).max(1);
                let among = if self.settings.state { live.len() } else { known };
                let drawn = live[self.random.random_range(0..among)];
                self.send_from(drawn);
            }
            Senders::All => live.into_iter().for_each(|number| self.send_from(number)),
        }
    }

    fn send_from(&mut self, number: usize) {
        let now = self.now();
        let uuid = self.measures.begin(now, number as u32);
        let payload = payload_of(self.measures.sent.len());
        let submission = Submission { payload, ttl: None, relays: 0, uuid: Some(uuid) };
        self.drive(number as u32, |node, now, out| node.request(now, Request::Submit(submission), out));
    }

    fn join(&mut self) {
        let live = self.live_numbers();
        let mut seeds: Vec<NodeId> = Vec::new();
        for _ in 0..SEEDS.min(live.len()) {
            let drawn = live[self.random.random_range(0..live.len())];
            let seed = self.id(drawn);
            // A node that is given one seed twice asks it without a pause.
            if !seeds.contains(&seed) {
                seeds.push(seed);
            }
        }
        let config = Config { seeds, ..self.config() };
        self.add(config);
    }

    fn leave(&mut self) {
        let live = self.live_numbers();
        if live.len() > 2 {
            let number = live[self.random.random_range(0..live.len())];
            self.note(format_args!("{} leaves", number + 1));
            self.hosts[number].leaving = true;
            self.drive(number as u32, |node, now, out| node.handle(now, Input::Stop, out));
        }
    }
}

/// What a broadcast says: about 60 bytes.
fn payload_of(number: usize) -> Payload {
    let text = format!("message {number:08} of this simulation, sixty bytes in all");
    let shape = std::collections::BTreeMap::from([("message", text)]);
    // A map of texts cannot fail to become JSON; null stands in for the impossible.
    Payload::new(serde_json::value::to_raw_value(&shape).unwrap_or_default())
}
