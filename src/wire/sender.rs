//! Who sends a body: all that there is to say of it, or the link's other end alone.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::check_form;
use super::problem::Problem;
use super::{Door, PROTOCOL};
use crate::protocol::limits::MAX_VERSION;
use crate::protocol::{Header, NodeId, Sender, is_version};

/// Who speaks; the first members of every body between nodes.
#[derive(Serialize, Deserialize)]
pub(super) struct HeaderShape<'a> {
    pub(super) protocol: u32,
    #[serde(borrow)]
    pub(super) cluster: Cow<'a, str>,
    pub(super) from: Cow<'a, NodeId>,
    pub(super) boot: u64,
    pub(super) linked: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) brief: bool,
}

impl<'a> HeaderShape<'a> {
    pub(super) fn new(header: &'a Header) -> HeaderShape<'a> {
        HeaderShape {
            protocol: PROTOCOL,
            cluster: Cow::Borrowed(&header.cluster),
            from: Cow::Borrowed(&header.from),
            boot: header.boot,
            linked: header.linked,
            brief: header.brief,
        }
    }

    pub(super) fn check(self, door: Door) -> Result<Header, Problem> {
        if !(1..=PROTOCOL + 1).contains(&self.protocol) {
            let detail = format!("{} is not spoken here; this node speaks {PROTOCOL}", self.protocol);
            return Err(Problem { status: 409, title: "Conflict".into(), ..Problem::field("protocol", detail) });
        }
        if self.cluster.len() > 64 {
            return Err(Problem::field("cluster", "longer than 64 bytes").with_limit(64));
        }
        if !is_version(self.boot) {
            return Err(Problem::field("boot", "not between 1 and 2^53-1").with_limit(MAX_VERSION));
        }
        check_form(door.form, &self.from, || "from".to_owned())?;
        let cluster = Arc::from(&*self.cluster);
        Ok(Header { cluster, from: self.from.into_owned(), boot: self.boot, linked: self.linked, brief: self.brief })
    }
}

/// Who sends an envelope or answers one: all of it, or the link's other end alone.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum SenderShape<'a> {
    Header(HeaderShape<'a>),
    Link { link: &'a NodeId },
}

impl<'a> SenderShape<'a> {
    pub(super) fn new(sender: &'a Sender) -> SenderShape<'a> {
        match sender {
            Sender::Header(header) => SenderShape::Header(HeaderShape::new(header)),
            Sender::Link(link) => SenderShape::Link { link },
        }
    }
}

/// What a body says of its sender.
pub(super) struct Said<'a> {
    pub(super) link: Option<NodeId>,
    pub(super) protocol: Option<u32>,
    pub(super) cluster: Option<Cow<'a, str>>,
    pub(super) from: Option<NodeId>,
    pub(super) boot: Option<u64>,
    pub(super) linked: Option<bool>,
    pub(super) brief: bool,
}

impl Said<'_> {
    /// All of its header, or `link` and nothing of it.
    pub(super) fn check(self, door: Door) -> Result<Sender, Problem> {
        if let Some(id) = self.link {
            let beside = (self.protocol, self.cluster, self.from, self.boot, self.linked);
            if !matches!(beside, (None, None, None, None, None)) {
                let detail = "stands in the place of protocol, cluster, from, boot and linked, not beside them";
                return Err(Problem::field("link", detail));
            }
            check_form(door.form, &id, || "link".to_owned())?;
            return Ok(Sender::Link(id));
        }
        let missing = |name: &str| Problem::field(name, "is missing");
        let header = HeaderShape {
            protocol: self.protocol.ok_or_else(|| missing("protocol"))?,
            cluster: self.cluster.ok_or_else(|| missing("cluster"))?,
            from: Cow::Owned(self.from.ok_or_else(|| missing("from"))?),
            boot: self.boot.ok_or_else(|| missing("boot"))?,
            linked: self.linked.ok_or_else(|| missing("linked"))?,
            brief: self.brief,
        };
        Ok(Sender::Header(header.check(door)?))
    }
}
