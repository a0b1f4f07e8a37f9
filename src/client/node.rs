//! One method per endpoint of a node.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{ClientError, MessageQuery};
use crate::http::{Client, Verb};
use crate::protocol::NodeId;
use crate::wire::{
    DigestReport, Faults, FaultsReport, MarkedReport, MessageReport, Problem, ReadMarks, ReadyReport, SeedShape,
    SeedsReport, StateReport, SubmissionShape, SubmittedReport, VersionReport,
};

/// How long a node waits for others to hold a message, unless said.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// How many nodes are to hold a message before its submitter is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// So many, the one it is given to included.
    Count(usize),
    /// All that live.
    All,
}

impl std::fmt::Display for Acks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Acks::Count(count) => write!(f, "{count}"),
            Acks::All => f.write_str("all"),
        }
    }
}

/// Characters of a foreign answer that an error repeats.
const SHOWN_OF_FOREIGN: usize = 80;

/// The connections of one thread, shared by the clients of all nodes.
#[derive(Clone, Default)]
pub struct Caller {
    http: Client,
}

impl Caller {
    /// A caller without any connection yet.
    pub fn new() -> Caller {
        Caller::default()
    }

    /// A caller over these connections.
    pub fn over(http: Client) -> Caller {
        Caller { http }
    }

    /// The node at `address` (`host:port`), each of whose answers may take up to `limit`.
    pub fn node(&self, address: impl Into<String>, limit: Duration) -> NodeClient {
        NodeClient { http: self.http.clone(), address: address.into(), limit }
    }
}

/// A node at an address.
#[derive(Clone)]
pub struct NodeClient {
    http: Client,
    address: String,
    limit: Duration,
}

/// Every method fails with a [`ClientError`] that tells a node that does not answer from one that refuses.
impl NodeClient {
    /// `GET /peers/`: the ids of its peers.
    pub async fn peers(&self) -> Result<Vec<NodeId>, ClientError> {
        self.get("/peers/").await
    }

    /// `GET /state`: the newest state of every node that it knows.
    pub async fn states(&self) -> Result<BTreeMap<NodeId, StateReport>, ClientError> {
        self.get("/state").await
    }

    /// `GET /state/{id}`: the newest state of one node.
    pub async fn state_of(&self, id: &NodeId) -> Result<StateReport, ClientError> {
        self.get(&format!("/state/{id}")).await
    }

    /// `GET /state?digest`: what it holds, in short.
    pub async fn digest(&self) -> Result<DigestReport, ClientError> {
        self.get("/state?digest").await
    }

    /// `GET /state?versions`: the newest version of every node that it knows.
    pub async fn versions(&self) -> Result<BTreeMap<NodeId, u64>, ClientError> {
        self.get("/state?versions").await
    }

    /// `PUT /state`: sets the node's own state to any JSON value.
    pub async fn set_state(&self, state: &serde_json::Value) -> Result<VersionReport, ClientError> {
        self.exchange(Verb::Put, "/state", to_body(state)?).await
    }

    /// `DELETE /state`: the node returns to books.
    pub async fn clear_state(&self) -> Result<VersionReport, ClientError> {
        self.exchange(Verb::Delete, "/state", Vec::new()).await
    }

    /// `POST /messages`: submits a message.
    pub async fn submit(&self, submission: &SubmissionShape) -> Result<SubmittedReport, ClientError> {
        self.exchange(Verb::Post, "/messages", to_body(submission)?).await
    }

    /// `POST /messages?acks=`: submits a message and waits until so many nodes hold it, for `wait` (the node's 5 s unless
    /// said) at most; refused with 504 and the number reached otherwise.
    pub async fn submit_and_wait(
        &self,
        submission: &SubmissionShape,
        acks: Acks,
        wait: Option<Duration>,
    ) -> Result<SubmittedReport, ClientError> {
        let wait = wait.unwrap_or(DEFAULT_WAIT);
        let path = format!("/messages?acks={acks}&wait={}ms", wait.as_millis());
        let body = to_body(submission)?;
        let (status, body) = self.http.call(Verb::Post, &self.address, &path, body, self.limit + wait).await?;
        read(status, &body)
    }

    /// `GET /messages`: its log, oldest first.
    pub async fn messages(&self, query: MessageQuery) -> Result<Vec<MessageReport>, ClientError> {
        self.get(&query.to_path()).await
    }

    /// `GET /messages/{uuid}`: one message by its uuid or an unambiguous beginning of it.
    ///
    /// `beginning` must consist of hexadecimal digits and dashes, since it becomes part of a path.
    pub async fn message(&self, beginning: &str) -> Result<MessageReport, ClientError> {
        self.get(&format!("/messages/{beginning}")).await
    }

    /// `POST /messages/read`: marks messages as read.
    pub async fn mark_read(&self, uuids: Vec<Uuid>) -> Result<MarkedReport, ClientError> {
        self.exchange(Verb::Post, "/messages/read", to_body(&ReadMarks { uuids })?).await
    }

    /// `GET /faults`: what goes wrong between it and others; refused with 404 unless it allows that.
    pub async fn faults(&self) -> Result<FaultsReport, ClientError> {
        self.get("/faults").await
    }

    /// `PUT /faults`: replaces all faults.
    pub async fn set_faults(&self, faults: &Faults) -> Result<FaultsReport, ClientError> {
        self.exchange(Verb::Put, "/faults", to_body(faults)?).await
    }

    /// `DELETE /faults`: nothing goes wrong any more.
    pub async fn clear_faults(&self) -> Result<FaultsReport, ClientError> {
        self.exchange(Verb::Delete, "/faults", Vec::new()).await
    }

    /// `DELETE /state/{id}`: has a node that is gone forgotten everywhere.
    pub async fn forget(&self, id: &NodeId) -> Result<(), ClientError> {
        self.exchange::<serde::de::IgnoredAny>(Verb::Delete, &format!("/state/{id}"), Vec::new()).await.map(|_| ())
    }

    /// `POST /seeds`: has it ask one more node for a place.
    pub async fn join(&self, seed: &NodeId) -> Result<SeedsReport, ClientError> {
        self.exchange(Verb::Post, "/seeds", to_body(&SeedShape { seed: seed.clone() })?).await
    }

    /// `GET /livez`: whether it serves.
    pub async fn live(&self) -> Result<ReadyReport, ClientError> {
        self.get("/livez").await
    }

    /// `GET /readyz`: whether it has compared with a peer; the report says `not ready` and why otherwise.
    pub async fn ready(&self) -> Result<ReadyReport, ClientError> {
        let (status, body) = self.http.call(Verb::Get, &self.address, "/readyz", Vec::new(), self.limit).await?;
        // Not being ready is an answer, not a refusal.
        if status == 503 { read(200, &body) } else { read(status, &body) }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.exchange(Verb::Get, path, Vec::new()).await
    }

    async fn exchange<T: DeserializeOwned>(&self, verb: Verb, path: &str, body: Vec<u8>) -> Result<T, ClientError> {
        let (status, body) = self.http.call(verb, &self.address, path, body, self.limit).await?;
        read(status, &body)
    }
}

fn to_body<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ClientError> {
    // None of our shapes can fail to become JSON; the error stands in for the impossible.
    serde_json::to_vec(value).map_err(|error| ClientError::Foreign(error.to_string()))
}

/// Reads an answer: what was asked for, the node's own refusal, or something that no node of ours says.
pub(super) fn read<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, ClientError> {
    if (200..300).contains(&status) {
        return serde_json::from_slice(body).map_err(|error| ClientError::Foreign(error.to_string()));
    }
    if let Ok(problem) = serde_json::from_slice::<Problem>(body) {
        return Err(ClientError::Refused(problem));
    }
    let text = String::from_utf8_lossy(body);
    let first_line = text.lines().next().unwrap_or_default();
    let shown: String = first_line.chars().filter(|c| !c.is_control()).take(SHOWN_OF_FOREIGN).collect();
    Err(ClientError::Foreign(format!("HTTP status {status} {shown}").trim_end().to_owned()))
}
