//! What an experiment found, in the words and numbers that the literature uses.

use serde::{Deserialize, Serialize};

/// Median, 99th percentile and maximum of something that was measured often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of all are at most this.
    pub median: u64,
    /// 99 of a hundred are at most this.
    pub p99: u64,
    /// All are at most this.
    pub max: u64,
}

/// How many of all had which number: `counts[number]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// By number.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, number: u64) {
        let place = usize::try_from(number).unwrap_or(usize::MAX).min(10_000_000);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The spread; `None` of nothing.
    pub fn spread(&self) -> Option<Spread> {
        let total = self.total();
        let at = |rank: u64| {
            let mut below = 0;
            let place = self.counts.iter().position(|count| {
                below += count;
                below >= rank
            });
            place.unwrap_or(0) as u64
        };
        (total > 0).then(|| Spread {
            median: at(total.div_ceil(2)),
            p99: at((total * 99).div_ceil(100)),
            max: at(total),
        })
    }
}

/// Least, mean and greatest number of links of the living nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Degree {
    /// Of the node with the fewest.
    pub least: u64,
    /// Over all.
    pub mean: f64,
    /// Of the node with the most.
    pub most: u64,
}

/// What an experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Nodes at the beginning.
    pub nodes: usize,
    /// Most links per node.
    pub max_peers: usize,
    /// What decided everything.
    pub seed: u64,
    /// How often somebody broadcast.
    pub broadcasts: usize,
    /// Messages that were made.
    pub messages: usize,
    /// Nodes that live at the end.
    pub live_nodes: usize,
    /// Share of the nodes that was killed.
    pub killed_share: f64,
    /// Of all pairs of a message and a node that lives at the end, those in which the node has the message.
    pub delivery_ratio: f64,
    /// Transmissions per recipient, less one, of all but each sender's first message; `None` where there are no others.
    pub redundancy: Option<f64>,
    /// The same of all messages.
    pub redundancy_all: Option<f64>,
    /// Hops of the copy that took the most of them, over all messages.
    pub last_delivery_hop: Option<Spread>,
    /// Milliseconds from sending to the last delivery, over all messages.
    pub last_delivery_ms: Option<Spread>,
    /// Requests that nodes made.
    pub requests: u64,
    /// Bytes of the bodies of all requests and answers; `None` without the codec.
    pub bytes: Option<u64>,
    /// Those of them that are no users' messages.
    pub control_bytes: Option<u64>,
    /// Comparisons that were asked for.
    pub repair_rounds: u64,
    /// Messages and states that comparisons brought.
    pub repaired: u64,
    /// Milliseconds from a death until every living node holds the dead one for down.
    pub detection_ms: Option<Spread>,
    /// Milliseconds from a death until the first node does.
    pub first_detection_ms: Option<Spread>,
    /// Dead nodes that somebody living does not hold for down at the end.
    pub undetected: u64,
    /// How often a living node was held suspect, counted at each node that did.
    pub false_suspicions: u64,
    /// How often a living node was held for down, counted at each node that did.
    pub false_downs: u64,
    /// Links per node after the warm-up.
    pub degree_before: Degree,
    /// Links per node at the end.
    pub degree_after: Degree,
    /// Mean distance of two living nodes after the warm-up; `None` of a torn overlay.
    pub mean_distance_before: Option<f64>,
    /// The same at the end.
    pub mean_distance_after: Option<f64>,
    /// The mean distance at the end over that of random regular graphs of the same size and degree.
    pub mean_distance_ratio: Option<f64>,
    /// Milliseconds that what nodes did waited for a processor; `None` where it takes no time.
    pub waited_ms: Option<Spread>,
    /// Share of the processors' time that was used; `None` where nothing takes any.
    pub busy_share: Option<f64>,
    /// Simulated milliseconds in all.
    pub simulated_ms: u64,
    /// Hash of everything that happened.
    pub trace_hash: String,
    /// Requests and answers that nodes handled.
    pub handled_messages: u64,
    /// The same per second of real time, without the time to build the network.
    pub handled_messages_per_second: u64,
    /// `kept`, or why the guarantee was broken.
    pub guarantee: String,
    /// The command that does the same again.
    pub replay: String,
    /// Deliveries by milliseconds since sending.
    pub delivery_times: Histogram,
    /// Deliveries by hops.
    pub delivery_hops: Histogram,
}

impl Report {
    /// Whether the guarantee was kept.
    pub fn is_kept(&self) -> bool {
        self.guarantee == "kept"
    }
}
