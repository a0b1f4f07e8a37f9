//! Ids and other small values in JSON: a local id is a number, an addressed one a string.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::problem::Problem;
use crate::protocol::{IdForm, NodeId, Status};

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            NodeId::Port(port) => serializer.serialize_u16(*port),
            NodeId::Host(address) => serializer.serialize_str(address),
        }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NodeId, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = NodeId;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a node id: a port (1 to 65535) or \"host:port\"")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<NodeId, E> {
                match u16::try_from(value) {
                    Ok(port) if port > 0 => Ok(NodeId::Port(port)),
                    _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
                }
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<NodeId, E> {
                NodeId::parse(value).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Status::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(status, _)| *status).ok_or_else(|| {
            D::Error::unknown_variant(
                &name.chars().take(40).collect::<String>(),
                &["alive", "suspect", "down", "left", "forgotten", "unverified"],
            )
        })
    }
}

/// Refuses ids of the other form, naming both.
pub(super) fn check_form(form: IdForm, id: &NodeId, field: impl FnOnce() -> String) -> Result<(), Problem> {
    if id.form() == form {
        return Ok(());
    }
    let field = field();
    let detail = format!("{field}: id {id} belongs to a network that is {}; this one is {form}", id.form());
    Err(Problem { field: Some(field), ..Problem::new(409, detail) })
}

/// Bytes as base64 text.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Reads base64 text of at most `limit` bytes.
pub(super) fn from_base64(text: &str, field: &str, limit: usize) -> Result<Vec<u8>, Problem> {
    if text.len() > limit.div_ceil(3) * 4 {
        let detail = format!("{} characters of base64 are more than {limit} bytes", text.len());
        return Err(Problem::field(field, detail).with_limit(limit as u64));
    }
    STANDARD_NO_PAD.decode(text).map_err(|error| Problem::field(field, format!("no base64 without padding: {error}")))
}

/// Fingerprints as base64 of eight bytes each, least significant byte first.
pub(super) fn fingerprints_to_base64(fingerprints: &[u64]) -> String {
    to_base64(&fingerprints.iter().flat_map(|f| f.to_le_bytes()).collect::<Vec<u8>>())
}

/// Reads what [`fingerprints_to_base64`] wrote.
pub(super) fn fingerprints_from_base64(text: &str, field: &str, limit: usize) -> Result<Vec<u64>, Problem> {
    let bytes = from_base64(text, field, limit * 8)?;
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Problem::field(field, "not a whole number of fingerprints of 8 bytes"));
    }
    Ok(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect())
}

/// A fingerprint sum as 16 hexadecimal digits: JSON numbers would lose bits in many readers.
pub(super) mod hash {
    use super::{Deserialize, Deserializer, Error, Serializer};

    pub fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{hash:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let hash = digits.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        hash.ok_or_else(|| D::Error::custom("expected 16 hexadecimal digits"))
    }
}

/// The same where there may be none.
pub(super) mod optional_hash {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Hash(#[serde(with = "super::hash")] u64);

    pub fn serialize<S: Serializer>(hash: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        hash.map(Hash).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Hash>::deserialize(deserializer)?.map(|hash| hash.0))
    }
}
