//! What to ask of a node's log: the filters of `GET /messages`.

/// Which messages by their mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadFilter {
    /// Read and unread ones.
    #[default]
    All,
    /// Those never marked as read at this node.
    Unread,
    /// Those marked as read at this node.
    Read,
}

/// Which messages by what they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KindFilter {
    /// Those that users submitted.
    #[default]
    Message,
    /// Those and the nodes' states, books as a rule.
    All,
}

/// The filters of `GET /messages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageQuery {
    /// Which by their mark.
    pub status: ReadFilter,
    /// Which by what they are about.
    pub kind: KindFilter,
    /// At most so many, 1 to 100,000.
    pub limit: u32,
}

impl MessageQuery {
    /// The most that a node hands out at once.
    pub const MAX_LIMIT: u32 = 100_000;

    /// The path and query of the request.
    pub(super) fn to_path(self) -> String {
        let status = match self.status {
            ReadFilter::All => "all",
            ReadFilter::Unread => "unread",
            ReadFilter::Read => "read",
        };
        let kind = match self.kind {
            KindFilter::Message => "message",
            KindFilter::All => "all",
        };
        format!("/messages?status={status}&kind={kind}&limit={}", self.limit)
    }
}

impl Default for MessageQuery {
    fn default() -> Self {
        MessageQuery { status: ReadFilter::default(), kind: KindFilter::default(), limit: MessageQuery::MAX_LIMIT }
    }
}
