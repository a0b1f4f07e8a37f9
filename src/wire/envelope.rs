//! `POST /gossip/` in JSON: envelopes and their answers. Link requests are in `links.rs`.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Door;
use super::announcements::AnnouncementShape;
use super::ids::{self, check_form};
use super::message::{self, MAX_MESSAGES, MessageIn, MessageOut, check_all, parse_object};
use super::problem::Problem;
use super::sender::{Said, SenderShape};
use crate::protocol::limits::{MAX_CLAIMS, MAX_GRAFTS, MAX_VERSION};
use crate::protocol::{
    Claim, Digest, Envelope, FreePlace, GossipReply, Graft, Judgement, LogKey, Message, NodeId, Outcome, Sender, Status,
};

/// A place in the log's order.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct KeyShape {
    stamp: u64,
    uuid: Uuid,
}

impl KeyShape {
    /// `None` stands for the zero key: nothing was evicted.
    pub(super) fn new(key: LogKey) -> Option<KeyShape> {
        (key != LogKey::default()).then_some(KeyShape { stamp: key.stamp, uuid: key.uuid })
    }

    pub(super) fn key(shape: Option<KeyShape>) -> LogKey {
        shape.map_or_else(LogKey::default, |shape| LogKey { stamp: shape.stamp, uuid: shape.uuid })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct DigestShape {
    #[serde(with = "ids::hash")]
    hash: u64,
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    floor: Option<KeyShape>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "ids::optional_hash")]
    exact: Option<u64>,
}

impl DigestShape {
    pub(super) fn new(digest: &Digest) -> DigestShape {
        let Digest { hash, count, floor, exact } = *digest;
        DigestShape { hash, count, floor: KeyShape::new(floor), exact }
    }

    fn digest(self) -> Digest {
        Digest { hash: self.hash, count: self.count, floor: KeyShape::key(self.floor), exact: self.exact }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClaimShape<'a> {
    id: Cow<'a, NodeId>,
    version: u64,
    status: Status,
    age_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uuid: Option<Uuid>,
}

impl<'a> ClaimShape<'a> {
    pub(super) fn all(claims: &'a [Claim]) -> Vec<ClaimShape<'a>> {
        let shape = |claim: &'a Claim| ClaimShape {
            id: Cow::Borrowed(&claim.id),
            version: claim.version,
            status: claim.status,
            age_ms: claim.age_ms,
            uuid: claim.uuid,
        };
        claims.iter().map(shape).collect()
    }

    pub(super) fn check_all(claims: Vec<ClaimShape<'_>>, door: Door, most: usize) -> Result<Vec<Claim>, Problem> {
        if claims.len() > most {
            return Err(Problem::field("claims", format!("more than {most}")).with_limit(most as u64));
        }
        let check = |(i, claim): (usize, ClaimShape<'_>)| {
            check_form(door.form, &claim.id, || format!("claims[{i}].id"))?;
            // A node of which no version is known yet may be spoken of: version 0.
            if claim.version > MAX_VERSION {
                return Err(Problem::field(format!("claims[{i}].version"), "above 2^53-1").with_limit(MAX_VERSION));
            }
            if claim.status == Status::Unverified {
                return Err(Problem::field(format!("claims[{i}].status"), "unverified is no claim"));
            }
            let (version, status) = (claim.version, claim.status);
            let (age_ms, uuid) = (claim.age_ms.min(MAX_VERSION), claim.uuid);
            Ok(Claim { id: claim.id.into_owned(), version, status, age_ms, uuid })
        };
        claims.into_iter().enumerate().map(check).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct PlaceShape<'a> {
    id: Cow<'a, NodeId>,
    age_ms: u64,
}

impl<'a> PlaceShape<'a> {
    fn new(place: &'a FreePlace) -> PlaceShape<'a> {
        PlaceShape { id: Cow::Borrowed(&place.id), age_ms: place.age_ms }
    }

    fn check(self, door: Door) -> Result<FreePlace, Problem> {
        check_form(door.form, &self.id, || "free_place.id".to_owned())?;
        Ok(FreePlace { id: self.id.into_owned(), age_ms: self.age_ms.min(MAX_VERSION) })
    }
}

/// `"*"` or a list of origins.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum GraftShape {
    Origins(Vec<NodeId>),
    All(String),
}

impl GraftShape {
    fn new(graft: &Graft) -> GraftShape {
        match graft {
            Graft::All => GraftShape::All("*".to_owned()),
            Graft::Origins(origins) => GraftShape::Origins(origins.clone()),
        }
    }

    fn check(self, door: Door) -> Result<Graft, Problem> {
        match self {
            GraftShape::All(star) if star == "*" => Ok(Graft::All),
            GraftShape::All(_) => Err(Problem::field("graft", "neither \"*\" nor a list of ids")),
            GraftShape::Origins(origins) => check_origins(origins, "graft", door).map(Graft::Origins),
        }
    }
}

fn check_origins(origins: Vec<NodeId>, field: &str, door: Door) -> Result<Vec<NodeId>, Problem> {
    if origins.len() > MAX_GRAFTS {
        return Err(Problem::field(field, format!("more than {MAX_GRAFTS} ids")).with_limit(MAX_GRAFTS as u64));
    }
    for (i, origin) in origins.iter().enumerate() {
        check_form(door.form, origin, || format!("{field}[{i}]"))?;
    }
    Ok(origins)
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    #[serde(flatten)]
    sender: SenderShape<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestShape>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<ClaimShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_place: Option<PlaceShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    graft: Option<GraftShape>,
    #[serde(skip_serializing_if = "<[NodeId]>::is_empty")]
    prune: &'a [NodeId],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recent: Vec<AnnouncementShape<'a>>,
}

// `flatten` would buffer the whole body before reading it, and a raw payload does not survive that.
#[derive(Deserialize)]
struct EnvelopeIn<'a> {
    #[serde(default)]
    link: Option<NodeId>,
    #[serde(default)]
    protocol: Option<u32>,
    #[serde(default, borrow)]
    cluster: Option<Cow<'a, str>>,
    #[serde(default)]
    from: Option<NodeId>,
    #[serde(default)]
    boot: Option<u64>,
    #[serde(default)]
    linked: Option<bool>,
    #[serde(default)]
    brief: bool,
    /// No envelope has one: a bare message does, in which `link` means nothing.
    #[serde(default)]
    uuid: Option<IgnoredAny>,
    #[serde(default, borrow)]
    messages: Vec<MessageIn<'a>>,
    #[serde(default)]
    digest: Option<DigestShape>,
    #[serde(default)]
    claims: Vec<ClaimShape<'a>>,
    #[serde(default)]
    free_place: Option<PlaceShape<'a>>,
    #[serde(default)]
    graft: Option<GraftShape>,
    #[serde(default)]
    prune: Vec<NodeId>,
    #[serde(default)]
    recent: Vec<AnnouncementShape<'a>>,
}

fn write_messages<'a>(messages: &'a [Message], sender: &Sender) -> Vec<MessageOut<'a>> {
    match sender.link() {
        Some(link) => messages.iter().map(|message| message::brief(message, link)).collect(),
        None => messages.iter().map(MessageOut::new).collect(),
    }
}

/// An envelope as JSON.
pub(super) fn write_envelope(envelope: &Envelope) -> Vec<u8> {
    write(&EnvelopeOut {
        sender: SenderShape::new(&envelope.sender),
        messages: write_messages(&envelope.messages, &envelope.sender),
        digest: envelope.digest.as_ref().map(DigestShape::new),
        claims: ClaimShape::all(&envelope.claims),
        free_place: envelope.free_place.as_ref().map(PlaceShape::new),
        graft: envelope.graft.as_ref().map(GraftShape::new),
        prune: &envelope.prune,
        recent: AnnouncementShape::all(&envelope.recent),
    })
}

/// Reads an envelope.
pub(super) fn read_envelope(body: &[u8], door: Door) -> Result<Envelope, Problem> {
    let shape: EnvelopeIn<'_> = parse_object(body)?;
    let said = Said {
        link: shape.link,
        protocol: shape.protocol,
        cluster: shape.cluster,
        from: shape.from,
        boot: shape.boot,
        linked: shape.linked,
        brief: shape.brief,
    };
    if said.link.is_some() && shape.uuid.is_some() {
        return Err(Problem::field("link", "stands in an envelope, not in a message"));
    }
    let sender = said.check(door)?;
    let recent = AnnouncementShape::check_all(shape.recent, sender.id(), door)?;
    Ok(Envelope {
        messages: check_all(shape.messages, door.form, "messages", sender.link())?,
        sender,
        digest: shape.digest.map(DigestShape::digest),
        claims: ClaimShape::check_all(shape.claims, door, MAX_CLAIMS)?,
        free_place: shape.free_place.map(|place| place.check(door)).transpose()?,
        graft: shape.graft.map(|graft| graft.check(door)).transpose()?,
        prune: check_origins(shape.prune, "prune", door)?,
        recent,
    })
}

#[derive(Serialize)]
struct GossipReplyOut<'a> {
    #[serde(flatten)]
    sender: SenderShape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcomes: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keep: Vec<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    forged: Vec<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    newer: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestShape>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<ClaimShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_place: Option<PlaceShape<'a>>,
    #[serde(skip_serializing_if = "<[NodeId]>::is_empty")]
    prune: &'a [NodeId],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recent: Vec<AnnouncementShape<'a>>,
}

#[derive(Deserialize)]
struct GossipReplyIn<'a> {
    #[serde(default)]
    link: Option<NodeId>,
    #[serde(default)]
    protocol: Option<u32>,
    #[serde(default, borrow)]
    cluster: Option<Cow<'a, str>>,
    #[serde(default)]
    from: Option<NodeId>,
    #[serde(default)]
    boot: Option<u64>,
    #[serde(default)]
    linked: Option<bool>,
    #[serde(default)]
    brief: bool,
    #[serde(default, borrow)]
    outcomes: Option<Vec<Cow<'a, str>>>,
    #[serde(default)]
    keep: Vec<usize>,
    #[serde(default)]
    forged: Vec<usize>,
    #[serde(default, borrow)]
    newer: Vec<MessageIn<'a>>,
    #[serde(default)]
    digest: Option<DigestShape>,
    #[serde(default)]
    claims: Vec<ClaimShape<'a>>,
    #[serde(default)]
    free_place: Option<PlaceShape<'a>>,
    #[serde(default)]
    prune: Vec<NodeId>,
    #[serde(default)]
    recent: Vec<AnnouncementShape<'a>>,
}

/// The answer to an envelope as JSON.
pub(super) fn write_gossip_reply(reply: &GossipReply) -> Vec<u8> {
    let kept = reply.judgements.iter().enumerate().filter(|(_, judgement)| judgement.keep);
    let forged = reply.judgements.iter().enumerate().filter(|(_, judgement)| judgement.outcome == Outcome::Forged);
    let said = !reply.judgements.is_empty() || matches!(reply.sender, Sender::Header(_));
    write(&GossipReplyOut {
        sender: SenderShape::new(&reply.sender),
        outcomes: said.then(|| reply.judgements.iter().map(|judgement| judgement.outcome.name()).collect()),
        keep: kept.map(|(i, _)| i).collect(),
        forged: forged.map(|(i, _)| i).collect(),
        newer: write_messages(&reply.newer, &reply.sender),
        digest: reply.digest.as_ref().map(DigestShape::new),
        claims: ClaimShape::all(&reply.claims),
        free_place: reply.free_place.as_ref().map(PlaceShape::new),
        prune: &reply.prune,
        recent: AnnouncementShape::all(&reply.recent),
    })
}

/// Reads the answer to an envelope.
pub(super) fn read_gossip_reply(body: &[u8], door: Door) -> Result<GossipReply, Problem> {
    let shape: GossipReplyIn<'_> = parse_object(body)?;
    let said = Said {
        link: shape.link,
        protocol: shape.protocol,
        cluster: shape.cluster,
        from: shape.from,
        boot: shape.boot,
        linked: shape.linked,
        brief: shape.brief,
    };
    let sender = said.check(door)?;
    let outcomes = match (&sender, shape.outcomes) {
        (_, Some(outcomes)) => outcomes,
        (Sender::Link(_), None) => Vec::new(),
        (Sender::Header(_), None) => return Err(Problem::field("outcomes", "is missing")),
    };
    // `keep` and `forged` are searched for each outcome.
    for (field, count) in [("outcomes", outcomes.len()), ("keep", shape.keep.len()), ("forged", shape.forged.len())] {
        if count > MAX_MESSAGES {
            let detail = format!("{count} are more than {MAX_MESSAGES}");
            return Err(Problem::field(field, detail).with_limit(MAX_MESSAGES as u64));
        }
    }
    let recent = AnnouncementShape::check_all(shape.recent, sender.id(), door)?;
    let judge = |(i, name): (usize, &Cow<'_, str>)| {
        let outcome = Outcome::ALL.iter().find(|(_, known)| known == name).map(|(outcome, _)| *outcome);
        let outcome = outcome.ok_or_else(|| Problem::field(format!("outcomes[{i}]"), "no known outcome"))?;
        let forged = outcome == Outcome::Limited && shape.forged.contains(&i);
        let outcome = if forged { Outcome::Forged } else { outcome };
        Ok(Judgement { outcome, keep: shape.keep.contains(&i) })
    };
    Ok(GossipReply {
        judgements: outcomes.iter().enumerate().map(judge).collect::<Result<_, Problem>>()?,
        newer: check_all(shape.newer, door.form, "newer", sender.link())?,
        sender,
        digest: shape.digest.map(DigestShape::digest),
        claims: ClaimShape::check_all(shape.claims, door, MAX_CLAIMS)?,
        free_place: shape.free_place.map(|place| place.check(door)).transpose()?,
        prune: check_origins(shape.prune, "prune", door)?,
        recent,
    })
}

/// JSON text of a shape that always has one.
pub(super) fn write(shape: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(shape).unwrap_or_default()
}
