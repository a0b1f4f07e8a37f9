//! The check of a payload: JSON that every reader can read again.
//!
//! A payload is kept and forwarded as the bytes that came, unread. So it is checked here once for what would make a later
//! reader fail: depth, lone surrogates in strings, numbers beyond all range. Without it one malformed message would poison
//! every node's display.

use super::refused_json::in_words;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Greatest depth of arrays and objects in a payload: half of what the common JSON readers take, as payloads are shown
/// within other JSON.
pub const MAX_PAYLOAD_DEPTH: usize = 32;

/// Checks one JSON value.
///
/// # Errors
/// What is wrong, in words.
pub fn check_payload(json: &str) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Depth(MAX_PAYLOAD_DEPTH).deserialize(&mut deserializer).map_err(|error| in_words(&error))?;
    deserializer.end().map_err(|error| in_words(&error))
}

/// Visits everything and keeps nothing, down to the depth that is left.
struct Depth(usize);

impl Depth {
    fn below<E: Error>(&self) -> Result<usize, E> {
        self.0
            .checked_sub(1)
            .ok_or_else(|| E::custom(format!("nested deeper than {MAX_PAYLOAD_DEPTH} arrays and objects")))
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while items.next_element_seed(Depth(below))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while members.next_key_seed(Depth(0))?.is_some() {
            members.next_value_seed(Depth(below))?;
        }
        Ok(())
    }
}
