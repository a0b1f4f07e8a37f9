//! The 64-bit fingerprints by which two nodes compare what they hold.
//!
//! An item is a known node's state (with what is definitely believed of it) or a submitted message. Fingerprints are the
//! same in every process and every build: they travel. They guard against accident, not against malice.

use uuid::Uuid;

use super::words::{LogKey, Message, NodeId, Status, Version};

/// A fingerprint of one held item.
pub type Fingerprint = u64;

/// Mixes one word into a running value (the finaliser of splitmix64, Steele et al. 2014).
pub fn mix(state: u64, word: u64) -> u64 {
    let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Mixes a uuid into a running value.
pub(super) fn mix_uuid(state: u64, uuid: Uuid) -> u64 {
    let (high, low) = uuid.as_u64_pair();
    mix(mix(state, high), low)
}

/// Mixes an id into a running value.
pub(super) fn mix_id(state: u64, id: &NodeId) -> u64 {
    match id {
        NodeId::Port(port) => mix(state, u64::from(*port)),
        NodeId::Host(address) => address.as_bytes().chunks(8).fold(mix(state, address.len() as u64), |state, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(state, u64::from_le_bytes(word))
        }),
    }
}

/// Of an id alone.
pub fn of_id(id: &NodeId) -> Fingerprint {
    mix_id(6, id)
}

/// Of a known node: its state's version and uuid, and whether it is held to be down or to have left.
///
/// Alive and suspect count as the same: a suspicion passes by itself and is worth no repair.
pub fn of_state(origin: &NodeId, version: Version, uuid: Uuid, status: Status, claim: Version) -> Fingerprint {
    let base = mix_uuid(mix(mix_id(1, origin), version), uuid);
    match status {
        Status::Alive | Status::Suspect | Status::Unverified => base,
        Status::Down => mix(mix(base, 1), claim),
        Status::Left | Status::Forgotten => mix(mix(base, 2), claim),
    }
}

/// Of a submitted message.
pub fn of_message(key: LogKey) -> Fingerprint {
    mix_uuid(2, key.uuid)
}

/// Of a submitted message as well, and of all that tells apart several messages that were made under one uuid.
pub fn of_exact_message(message: &Message) -> Fingerprint {
    let (stamp, origin, version) = message.rank();
    mix_uuid(mix(mix_id(mix(3, stamp), origin), version), message.uuid)
}
