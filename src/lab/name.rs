//! The name of a network: a word that is safe as a folder's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name, in characters.
const MAX_LENGTH: usize = 40;

/// 1 to 40 letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkName(String);

impl NetworkName {
    /// The name that is meant when none is given.
    pub const DEFAULT: &'static str = "default";

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the name that is meant when none is given.
    pub fn is_default(&self) -> bool {
        self.0 == NetworkName::DEFAULT
    }

    /// The cluster that its nodes say they belong to. It differs from name to name, so that networks side by side never
    /// merge, and is the nodes' own default for the default name.
    pub fn cluster(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetworkName {
    type Err = String;

    fn from_str(text: &str) -> Result<NetworkName, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > MAX_LENGTH || !text.chars().all(fits) {
            return Err(format!("a network's name is 1 to {MAX_LENGTH} letters, digits, '-' and '_'"));
        }
        Ok(NetworkName(text.to_owned()))
    }
}

impl TryFrom<String> for NetworkName {
    type Error = String;

    fn try_from(text: String) -> Result<NetworkName, String> {
        text.parse()
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> String {
        name.0
    }
}
