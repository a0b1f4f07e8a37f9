//! The calls that nodes make of each other all the time, past the router.
//!
//! Finding a route, and the three steps before it, cost more than reading a message (docs/performance.md). So a plain
//! connection asks here first; whatever is not simply to be answered, such as a call that comes too fast or without a
//! token, goes the long way, where it is refused.

use std::net::IpAddr;
use std::time::Instant;

use super::answer::{Plain, is_agent_ours};
use super::{Context, body, gossip};

/// A call that may be answered at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectCall {
    path: &'static str,
    /// One of our own programs makes it.
    ours: bool,
    /// A node makes it, which wants no more of a head than the length of the body.
    brief: bool,
}

/// What decides about a call.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Where it comes from.
    pub address: IpAddr,
    /// It showed a certificate.
    pub certified: bool,
    /// The value of `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// The value of `User-Agent`.
    pub agent: Option<&'a [u8]>,
}

impl DirectCall {
    /// A POST to `path`, if it is a node's and its caller may make it now.
    pub fn of(context: &Context, path: &str, caller: Caller<'_>) -> Option<DirectCall> {
        let path = match path {
            "/gossip/" | "/gossip" => "/gossip",
            "/sync/" | "/sync" => "/sync",
            "/peers/" | "/peers" => "/peers",
            _ => return None,
        };
        let admitted = context.admits_caller(caller.certified, caller.authorization)
            && context.limiter.try_take(Instant::now(), caller.address).is_ok();
        admitted.then_some(DirectCall { path, ours: is_agent_ours(caller.agent), brief: caller.agent.is_none() })
    }

    /// Whether the answer is for a node, which knows that it is JSON, and has no use for a date.
    pub fn is_brief(self) -> bool {
        self.brief
    }

    /// Reads the body and answers.
    pub async fn answer(self, context: &Context, body: impl body::Pieces) -> Plain {
        let answer = gossip::carry_directly(context, self.path, body, self.ours).await;
        context.refusals.note(answer.status);
        answer
    }
}
