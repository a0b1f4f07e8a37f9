//! JSON merge patches (RFC 7396) on text: members that a patch does not name keep their place and every byte.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::Problem;
use super::refused_json::refusal;

/// Members of one object, in their order.
struct Members(Vec<(String, Box<RawValue>)>);

/// `target` with `patch` applied (RFC 7396, section 2). Both must have been checked for depth.
///
/// # Errors
/// When either is no JSON.
pub fn merge_patch(target: &str, patch: &str) -> Result<String, Problem> {
    merge(target, patch).map_err(|error| refusal("", &error))
}

fn merge(target: &str, patch: &str) -> Result<String, serde_json::Error> {
    let Some(changes) = members(patch)? else { return Ok(patch.trim().to_owned()) };
    // What is no object is replaced as if it were an empty one.
    let mut merged = members(target)?.unwrap_or(Members(Vec::new())).0;
    for (name, value) in changes.0 {
        let place = merged.iter().position(|(known, _)| *known == name);
        if value.get() == "null" {
            if let Some(place) = place {
                merged.remove(place);
            }
            continue;
        }
        let held = place.map_or("{}", |place| merged[place].1.get());
        let value = RawValue::from_string(merge(held, value.get())?)?;
        match place {
            Some(place) => merged[place].1 = value,
            None => merged.push((name, value)),
        }
    }
    let mut text = String::from("{");
    for (i, (name, value)) in merged.iter().enumerate() {
        text.push_str(if i == 0 { "" } else { "," });
        text.push_str(&serde_json::to_string(name)?);
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    Ok(text)
}

/// The members of an object, the last of several that have one name; `None` for any other JSON.
fn members(json: &str) -> Result<Option<Members>, serde_json::Error> {
    if !json.trim_start().starts_with('{') {
        return Ok(None);
    }
    struct Reader;
    impl<'de> Visitor<'de> for Reader {
        type Value = Members;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
            let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
            while let Some((name, value)) = map.next_entry()? {
                members.push((name, value));
            }
            // Backwards, so that the last of one name stays.
            let mut seen = std::collections::BTreeSet::new();
            members.reverse();
            members.retain(|(name, _)| seen.insert(name.clone()));
            members.reverse();
            Ok(Members(members))
        }
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_map(Reader).map(Some)
}

#[cfg(test)]
mod tests {
    use super::merge_patch;

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7396, appendix A.
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merge_patch(target, patch).unwrap(), result, "{target} with {patch}");
        }
    }

    #[test]
    fn what_is_not_patched_keeps_its_bytes() {
        let target = r#"{"n": 1.50e+3, "s" : "\u00e9", "x":{"k":[ 1 ]}}"#;
        let merged = merge_patch(target, r#"{"m":12345678901234567890123}"#).unwrap();
        assert_eq!(merged, r#"{"n":1.50e+3,"s":"\u00e9","x":{"k":[ 1 ]},"m":12345678901234567890123}"#);
        assert!(merge_patch("{", "{}").is_err());
    }
}
