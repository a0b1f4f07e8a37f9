//! In what nodes do not agree, found by comparing their digests. Pure: the asking is in `agreement`.

use std::collections::BTreeMap;
use std::fmt;

use super::NodeAnswer;
use crate::client::DigestReport;

/// One thing in which a node differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It does not answer.
    Silent {
        /// The node.
        number: u16,
        /// Where it should answer.
        port: u16,
    },
    /// It has not made a version yet.
    NotSpoken {
        /// The node.
        number: u16,
    },
    /// It counts more or fewer living nodes than there are.
    Living {
        /// The node.
        number: u16,
        /// How many it lists.
        lists: usize,
        /// How many there are.
        live: usize,
    },
    /// It lists as many, but not the same.
    OtherLiving {
        /// The node.
        number: u16,
    },
    /// It does not hold the messages that most hold.
    Messages {
        /// The node.
        number: u16,
        /// How many it holds.
        holds: usize,
        /// How many most hold.
        most: usize,
    },
    /// It holds an older state than the one that its owner had when the waiting began.
    Older {
        /// The node.
        number: u16,
        /// The port of the state's owner.
        origin: u16,
        /// The version that it holds; 0 for none.
        holds: u64,
        /// The version that it should hold at least.
        wanted: u64,
    },
}

impl Difference {
    /// The node that differs.
    pub fn number(&self) -> u16 {
        match self {
            Difference::Silent { number, .. }
            | Difference::NotSpoken { number }
            | Difference::Living { number, .. }
            | Difference::OtherLiving { number }
            | Difference::Messages { number, .. }
            | Difference::Older { number, .. } => *number,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Silent { number, port } => write!(f, "node {number} (127.0.0.1:{port}) does not answer"),
            Difference::NotSpoken { number } => write!(f, "node {number} has no version of its own yet"),
            Difference::Living { number, lists, live } => {
                write!(f, "node {number} lists {lists} living nodes, there are {live}")
            }
            Difference::OtherLiving { number } => write!(f, "node {number} lists other living nodes than most"),
            Difference::Messages { number, holds, most } if holds == most => {
                write!(f, "node {number} holds {holds} messages, but others than most")
            }
            Difference::Messages { number, holds, most } => {
                write!(f, "node {number} holds {holds} messages, most hold {most}")
            }
            Difference::Older { number, origin, holds: 0, .. } => {
                write!(f, "node {number} knows nothing of 127.0.0.1:{origin}")
            }
            Difference::Older { number, origin, holds, wanted } => {
                write!(f, "node {number} holds version {holds} of 127.0.0.1:{origin}, which was at {wanted}")
            }
        }
    }
}

/// What the digests tell, states apart: at most one difference per node, the gravest. `live` nodes should be listed.
pub(super) fn compare(answers: &[NodeAnswer], live: usize) -> Vec<Difference> {
    let living = most_common(answers, |digest| digest.live_hash);
    let messages = most_common(answers, |digest| digest.messages_hash);
    answers.iter().filter_map(|answer| differs(answer, live, living, messages)).collect()
}

/// The most common hash, and a digest that has it.
type Common = (u64, usize);

fn differs(answer: &NodeAnswer, live: usize, living: Option<Common>, messages: Option<Common>) -> Option<Difference> {
    let number = answer.number;
    let Ok(digest) = &answer.digest else {
        return Some(Difference::Silent { number, port: answer.port });
    };
    if digest.version == 0 {
        return Some(Difference::NotSpoken { number });
    }
    if digest.live != live {
        return Some(Difference::Living { number, lists: digest.live, live });
    }
    if living.is_some_and(|(hash, _)| hash != digest.live_hash) {
        return Some(Difference::OtherLiving { number });
    }
    match messages {
        Some((hash, most)) if hash != digest.messages_hash => {
            Some(Difference::Messages { number, holds: digest.messages, most })
        }
        _ => None,
    }
}

/// The value that most answers share, with how many messages one of those that share it holds; of equally common ones
/// the one with more messages, since the others probably lack some.
fn most_common(answers: &[NodeAnswer], value: impl Fn(&DigestReport) -> u64) -> Option<Common> {
    let mut counts: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for digest in answers.iter().filter_map(|answer| answer.digest.as_ref().ok()) {
        let entry = counts.entry(value(digest)).or_insert((0, digest.messages));
        entry.0 += 1;
    }
    counts.into_iter().max_by_key(|(_, counts)| *counts).map(|(hash, (_, messages))| (hash, messages))
}
