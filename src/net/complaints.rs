//! What keeps this node out of the network, said in its log: seldom enough not to fill it, since calls are made all the time.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::http::CallError;
use crate::protocol::{GossipReply, NodeId, Outcome, Reply};
use crate::wire::CallKind;

/// Time between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(30);

/// When what was last said.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    alone: Cell<Option<Instant>>,
    turned_away: Cell<Option<Instant>>,
    disbelieved: Cell<Option<Instant>>,
}

impl Complaints {
    /// A call was answered, or not; `alone` says that this node has no peers.
    pub(super) fn hear(&self, to: &NodeId, kind: CallKind, answered: &Result<(u16, Vec<u8>), CallError>, alone: bool) {
        let joins = matches!(kind, CallKind::Link | CallKind::Peers);
        match answered {
            // 409 names two clusters, or two processes of one id; 400 comes where this side does not encrypt and should.
            Ok((status @ (400 | 401 | 403 | 409), body))
                if (matches!(status, 401 | 403) || joins && alone) && is_due(&self.turned_away) =>
            {
                let said = String::from_utf8_lossy(&body[..body.len().min(300)]);
                // Quoted: what a peer says must not look like lines of this log.
                log::warn!("{to} turns this node away with {status}: {said:?}");
            }
            Err(error) if joins && alone && is_due(&self.alone) => {
                log::warn!("this node has no peers; it asked {to} for a place: {error}");
            }
            _ => {}
        }
    }

    /// A reply came: a peer may take this node, or what it hands on, for a forger.
    pub(super) fn read(&self, to: &NodeId, reply: &Reply) {
        let Reply::Gossip(GossipReply { judgements, .. }) = reply else { return };
        let refused = judgements.iter().any(|judgement| judgement.outcome == Outcome::Forged);
        if refused && is_due(&self.disbelieved) {
            log::warn!(
                "{to} refuses what this node sends as not its origin's word; if it is this node's own, the others know it by \
                 another key, or by none that they allow"
            );
        }
    }
}

fn is_due(last: &Cell<Option<Instant>>) -> bool {
    let now = Instant::now();
    let due = last.get().is_none_or(|last| now.duration_since(last) >= PAUSE);
    if due {
        last.set(Some(now));
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_of_line_is_written_once_in_a_while() {
        let (one, other) = (Cell::new(None), Cell::new(None));
        assert_eq!([is_due(&one), is_due(&one), is_due(&other)], [true, false, true]);
        one.set(Instant::now().checked_sub(PAUSE));
        assert!(is_due(&one));
    }
}
