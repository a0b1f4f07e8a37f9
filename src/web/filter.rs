//! Which nodes are meant: `?status=alive&role=db&labels.zone=eu`.
//!
//! `status` takes statuses with commas between; every other parameter with a value names a member of the payload, with
//! dots to members of members. Several parameters of one name mean any of the values, different names mean all of them.
//! A member whose name is also that of a parameter is reached as `payload.status`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::query;
use crate::protocol::{Entry, Status};
use crate::wire::Problem;

/// Conditions in one request: more is nobody's question.
const MAX_CONDITIONS: usize = 32;

/// Which nodes are meant.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filter {
    statuses: Vec<Status>,
    members: BTreeMap<String, Vec<String>>,
}

impl Filter {
    /// Splits a query into the parameters of these names and the filter that the others are.
    pub(super) fn split(
        request: &actix_web::HttpRequest,
        own: &[&str],
    ) -> Result<(BTreeMap<String, String>, Filter), Problem> {
        let pairs = query::pairs(request)?;
        if pairs.len() > MAX_CONDITIONS {
            let detail = format!("{} parameters are more than {MAX_CONDITIONS}", pairs.len());
            return Err(Problem::field("query", detail).with_limit(MAX_CONDITIONS as u64));
        }
        let (mut parameters, mut filter) = (BTreeMap::new(), Filter::default());
        for (name, value) in pairs {
            if own.contains(&name.as_str()) {
                parameters.insert(name, value);
            } else if name == "status" {
                filter.add_statuses(&value)?;
            } else if value.is_empty() {
                let shown: String = name.chars().take(40).collect();
                let detail = format!("{shown:?} is none of {} and, without a value, no filter", own.join(", "));
                return Err(Problem::field("query", detail));
            } else {
                let member = name.strip_prefix("payload.").unwrap_or(&name).to_owned();
                filter.members.entry(member).or_default().push(value);
            }
        }
        Ok((parameters, filter))
    }

    fn add_statuses(&mut self, names: &str) -> Result<(), Problem> {
        for name in names.split(',').map(str::trim) {
            let known = Status::ALL.iter().find(|(status, known)| *known == name && *status != Status::Forgotten);
            let (status, _) = known.ok_or_else(|| {
                let shown: String = name.chars().take(40).collect();
                Problem::field("status", format!("{shown:?} is none of alive, suspect, down, left, unverified"))
            })?;
            self.statuses.push(*status);
        }
        Ok(())
    }

    /// The same filter, for these statuses unless it names others.
    pub(super) fn with_statuses(mut self, usual: &[Status]) -> Filter {
        if self.statuses.is_empty() {
            self.statuses = usual.to_vec();
        }
        self
    }

    /// Whether every node is meant.
    pub(super) fn takes_all(&self) -> bool {
        self.statuses.is_empty() && self.members.is_empty()
    }

    /// Whether this node is meant.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        if !self.statuses.is_empty() && !self.statuses.contains(&entry.shown_status()) {
            return false;
        }
        if self.members.is_empty() {
            return true;
        }
        let Some(state) = &entry.state else { return false };
        let Ok(payload) = serde_json::from_str::<Value>(state.message.payload.as_str()) else { return false };
        self.members.iter().all(|(path, wanted)| {
            member(&payload, path).is_some_and(|found| wanted.iter().any(|value| is_shown_as(found, value)))
        })
    }
}

/// A member by its own name, dots included, or by names with dots between.
pub(super) fn member<'a>(payload: &'a Value, path: &str) -> Option<&'a Value> {
    payload.get(path).or_else(|| path.split('.').try_fold(payload, |value, name| value.get(name)))
}

/// A text is equal as it is, anything else as JSON: `load=0.4`, `ready=true`.
fn is_shown_as(found: &Value, value: &str) -> bool {
    match found {
        Value::String(text) => text == value,
        // 0.40 and 0.4 are the same number.
        Value::Number(number) => {
            number.to_string() == value || value.parse().is_ok_and(|value: f64| number.as_f64() == Some(value))
        }
        other => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_found_by_name_and_compared_by_meaning() {
        let payload = json!({"role": "db", "load": 0.4, "n": 3, "ready": true, "gone": null, "a.b": 1, "a": {"b": 2, "c": {"d": "x"}}});
        for (path, value, is) in [
            ("role", "db", true),
            ("role", "\"db\"", false),
            ("load", "0.40", true),
            ("n", "3", true),
            ("n", "3.0", true),
            ("n", "4", false),
            ("ready", "true", true),
            ("gone", "null", true),
            ("a.b", "1", true),
            ("a.c.d", "x", true),
            ("a", "{\"c\": {\"d\": \"x\"}, \"b\": 2}", true),
            ("b", "2", false),
        ] {
            assert_eq!(member(&payload, path).is_some_and(|found| is_shown_as(found, value)), is, "{path}={value}");
        }
    }
}
