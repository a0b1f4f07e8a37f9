//! Which node is meant: a number of the network, or `host:port` of any node.

use std::str::FromStr;

use crate::lab::MAX_NUMBER;
use crate::protocol::NodeId;

/// NODE as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeArg {
    /// A node of the network by its number.
    Number(u16),
    /// Any node by its address.
    Address(NodeId),
}

impl FromStr for NodeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<NodeArg, String> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let number = text.parse().ok().filter(|number| *number > 0);
            return number.map(NodeArg::Number).ok_or_else(|| format!("node numbers are 1 to {MAX_NUMBER}"));
        }
        if !text.contains(':') {
            return Err("a node is a number such as 3, or host:port".to_owned());
        }
        let address = match text.strip_prefix(':') {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        NodeId::parse(&address).map(NodeArg::Address).map_err(|error| error.to_string())
    }
}
