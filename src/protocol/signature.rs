//! Signatures of origins: Ed25519 (RFC 8032) over what an origin says, so that nobody else can speak for it.
//!
//! Signing and checking are arithmetic: no entropy, no clock, and the same result everywhere, so they belong to the protocol.
//! What is signed is written down byte by byte in [`signed_bytes`] and in PROTOCOL.md. Outside are path, ttl and relays, which
//! change or are read on the way. Whose key counts is decided in `origins.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::words::{Kind, Message, NodeId};

/// Begins what is signed: a signature of another protocol, or of another version of this one, never fits.
const DOMAIN: &[u8] = b"gossip-origin-signature-1\0";

/// Bytes of a public key.
pub const KEY_BYTES: usize = 32;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// An origin's public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// The key of these bytes; whether they are one shows when a signature is checked.
    pub fn new(bytes: [u8; KEY_BYTES]) -> PublicKey {
        PublicKey(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Reads base64, with or without padding; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<PublicKey> {
        let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        Some(PublicKey(bytes.try_into().ok()?))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// What a signed message carries beside its content: whose key, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The origin's public key.
    pub key: PublicKey,
    /// The signature over [`signed_bytes`].
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Bytes that a seal takes on the wire, roughly.
pub const SEAL_WEIGHT: usize = 160;

/// The nodes whose word counts, each with its key.
pub type AllowedKeys = Arc<BTreeMap<NodeId, PublicKey>>;

/// A node's own key. It shows nothing of itself.
#[derive(Clone)]
pub struct OriginKey(Arc<SigningKey>);

impl fmt::Debug for OriginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OriginKey(of {})", self.public())
    }
}

impl OriginKey {
    /// The key that these 32 random bytes stand for (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> OriginKey {
        OriginKey(Arc::new(SigningKey::from_bytes(&seed)))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message of this node's.
    pub fn seal(&self, cluster: &str, message: &Message) -> Arc<Seal> {
        let signature = self.0.sign(&signed_bytes(cluster, message)).to_bytes();
        Arc::new(Seal { key: self.public(), signature })
    }
}

impl Seal {
    /// Whether the holder of the key signed just this message for this cluster.
    pub fn fits(&self, cluster: &str, message: &Message) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.key.0) else { return false };
        // The strict rule: all verifiers agree on it, and no weak key signs for everything.
        key.verify_strict(&signed_bytes(cluster, message), &Signature::from_bytes(&self.signature)).is_ok()
    }
}

/// What is signed of a message. All numbers begin with their most significant byte; a text is preceded by its length in bytes, in
/// four bytes.
///
/// 1. the 26 bytes `gossip-origin-signature-1` and a zero
/// 2. the cluster's name as a text
/// 3. the uuid, 16 bytes
/// 4. the origin's id as a text: `7004`, or `db1.example:7004` in its canonical form
/// 5. the version, 8 bytes
/// 6. the kind, 1 byte: 0 for a state, 1 for a message
/// 7. the stamp, 8 bytes; 0 for a state. Without it a message that was evicted could be sent again as a new one
/// 8. the payload's JSON as a text, byte for byte as the origin wrote it
pub fn signed_bytes(cluster: &str, message: &Message) -> Vec<u8> {
    let (origin, payload) = (message.origin.to_string(), message.payload.as_str());
    let mut bytes = Vec::with_capacity(DOMAIN.len() + cluster.len() + origin.len() + payload.len() + 45);
    let text = |bytes: &mut Vec<u8>, text: &str| {
        // None of these texts comes near 4 GiB: the door bounds each.
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    bytes.extend_from_slice(DOMAIN);
    text(&mut bytes, cluster);
    bytes.extend_from_slice(message.uuid.as_bytes());
    text(&mut bytes, &origin);
    bytes.extend_from_slice(&message.version.to_be_bytes());
    bytes.push(match message.kind {
        Kind::State => 0,
        Kind::Message => 1,
    });
    bytes.extend_from_slice(&message.stamp.to_be_bytes());
    text(&mut bytes, payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Content, Payload};

    fn message() -> Message {
        Message::new(
            63,
            [NodeId::Port(7004), NodeId::Port(7009)].into(),
            Content {
                uuid: "7d444840-9dc0-41d1-b245-5ffdce74fad2".parse().unwrap(),
                origin: NodeId::Port(7004),
                version: 12,
                kind: Kind::State,
                payload: Payload::new(
                    serde_json::value::RawValue::from_string(r#"{"book": "Lucky Jim by Kingsley Amis"}"#.to_owned())
                        .unwrap(),
                ),
                relays: 0,
                stamp: 0,
                seal: None,
            },
        )
    }

    /// The example of PROTOCOL.md, computed with another implementation of RFC 8032.
    #[test]
    fn the_documented_example_is_what_is_signed() {
        let key = OriginKey::from_seed([7; 32]);
        let bytes = signed_bytes("default", &message());
        assert_eq!(bytes.len(), 120);
        assert!(bytes.starts_with(b"gossip-origin-signature-1\0\0\0\0\x07default\x7d\x44\x48\x40"));
        let seal = key.seal("default", &message());
        assert_eq!(seal.key.to_string(), "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=");
        let expected = "Q8QDYzyvlsLwcA4HzbM/NkHOi3ABqymyWNT3Tyn35c5fIUZF3LylJgwGV+wymX3TSY6TM8j2eETYMr9EoCnqCA";
        assert_eq!(STANDARD_NO_PAD.encode(seal.signature), expected);
        assert!(seal.fits("default", &message()));
    }

    #[test]
    fn what_changes_on_the_way_is_outside_and_all_else_inside() {
        let key = OriginKey::from_seed([7; 32]);
        let seal = key.seal("default", &message());
        let on_the_way =
            Message { ttl: 1, path: [NodeId::Port(7004)].into(), ..message().altered(|content| content.relays = 3) };
        assert!(seal.fits("default", &on_the_way));
        assert!(!seal.fits("another", &message()));
        let payload = Payload::of_book(Some("Lucky Jim by Kingsley Amis"));
        for altered in [
            message().altered(|content| content.uuid = uuid::Uuid::from_u128(1)),
            message().altered(|content| content.origin = NodeId::Port(7005)),
            message().altered(|content| content.version = 13),
            message().altered(|content| content.kind = Kind::Message),
            message().altered(|content| content.stamp = 1),
            // The same value in other bytes is not what was signed.
            message().altered(|content| content.payload = payload),
        ] {
            assert!(!seal.fits("default", &altered), "{altered:?}");
        }
        let other = Seal { key: OriginKey::from_seed([8; 32]).public(), ..(*seal).clone() };
        assert!(!other.fits("default", &message()));
        // The neutral element is a key for which everything fits, where verifiers are lax.
        let weak = Seal { key: PublicKey::new(std::array::from_fn(|i| u8::from(i == 0))), signature: [0; 64] };
        assert!(!weak.fits("default", &message()));
    }

    #[test]
    fn a_key_shows_only_its_public_half() {
        let shown = format!("{:?}", OriginKey::from_seed([7; 32]));
        assert_eq!(shown, "OriginKey(of 6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=)");
        assert_eq!(
            PublicKey::parse("6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw"),
            Some(OriginKey::from_seed([7; 32]).public())
        );
        assert!(PublicKey::parse("6kps").is_none() && PublicKey::parse("?").is_none());
    }
}
