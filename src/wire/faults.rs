//! Faults that a node acts out against other nodes when it is told to: the JSON of `/faults`.
//!
//! One record for the server that reads it, the node's loop that obeys it (`net/faults.rs`) and the command line that
//! writes it. A body with a member that nobody knows is refused: a mistyped fault would be one that never happens.

use serde::{Deserialize, Serialize};

use super::Door;
use super::ids::check_form;
use super::message::parse_object;
use super::problem::Problem;
use crate::protocol::NodeId;

/// Most ids that may be cut off: more than one machine runs.
const MAX_CUT: usize = 4_096;

/// Longest delay in milliseconds: above every time limit between nodes, so that it loses all.
const MAX_DELAY_MS: u64 = 60_000;

/// What shall go wrong between one node and others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// Nodes of which this one hears nothing, and which hear nothing of it.
    pub cut: Vec<NodeId>,
    /// Milliseconds by which everything sent and everything that arrives is late, 0 to 60,000.
    pub delay_ms: u64,
    /// Share of exchanges that are lost, 0 to 100: half before they are processed, half after it, with their answer.
    pub lose_percent: u8,
    /// Whether nothing is processed or sent until further notice.
    pub paused: bool,
}

impl Faults {
    /// Whether nothing goes wrong.
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }
}

/// The answer to `GET`, `PUT` and `DELETE /faults`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultsReport {
    /// What goes wrong.
    #[serde(flatten)]
    pub faults: Faults,
    /// What went wrong by it since the process began.
    pub acted: FaultCounts,
}

/// Exchanges that faults touched since the process began: the proof that they happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultCounts {
    /// With a node that is cut off.
    pub cut: u64,
    /// Late.
    pub delayed: u64,
    /// Lost before they were processed.
    pub requests_lost: u64,
    /// Processed, but their answer was lost.
    pub answers_lost: u64,
    /// Waited for the end of a pause.
    pub held: u64,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct FaultsIn {
    cut: Vec<NodeId>,
    delay_ms: u64,
    lose_percent: u64,
    paused: bool,
}

/// Reads the body of `PUT /faults`; a member that is absent means no such fault.
///
/// # Errors
/// A [`Problem`] that names the field and the limit.
pub fn parse_faults(body: &[u8], door: Door, own: &NodeId) -> Result<Faults, Problem> {
    let FaultsIn { mut cut, delay_ms, lose_percent, paused } = parse_object(body)?;
    if cut.len() > MAX_CUT {
        return Err(too_much("cut", format!("{} ids are more than {MAX_CUT}", cut.len()), MAX_CUT as u64));
    }
    for (i, id) in cut.iter().enumerate() {
        check_form(door.form, id, || format!("cut[{i}]"))?;
        if id == own {
            return Err(Problem::field(format!("cut[{i}]"), format!("id {id} is this node's own")));
        }
    }
    if delay_ms > MAX_DELAY_MS {
        return Err(too_much("delay_ms", format!("{delay_ms} is more than {MAX_DELAY_MS}"), MAX_DELAY_MS));
    }
    let Some(lose_percent) = u8::try_from(lose_percent).ok().filter(|percent| *percent <= 100) else {
        return Err(too_much("lose_percent", format!("{lose_percent} is more than 100"), 100));
    };
    cut.sort();
    cut.dedup();
    Ok(Faults { cut, delay_ms, lose_percent, paused })
}

fn too_much(field: &str, detail: String, limit: u64) -> Problem {
    Problem::field(field, detail).with_limit(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::IdForm;

    fn read(body: &str) -> Result<Faults, Problem> {
        parse_faults(body.as_bytes(), Door { form: IdForm::Local }, &NodeId::Port(7001))
    }

    #[test]
    fn what_is_absent_does_not_go_wrong() {
        assert!(read("{}").unwrap().is_none());
        let faults =
            read(r#"{"cut": [7010, "7009", 7010], "delay_ms": 200, "lose_percent": 20, "paused": true}"#).unwrap();
        assert_eq!(faults.cut, [NodeId::Port(7009), NodeId::Port(7010)]);
        assert_eq!((faults.delay_ms, faults.lose_percent, faults.paused), (200, 20, true));
        let report = FaultsReport { faults, acted: FaultCounts { cut: 3, ..FaultCounts::default() } };
        let json = serde_json::to_string(&report).unwrap();
        assert!(
            json.starts_with(r#"{"cut":[7009,7010],"delay_ms":200,"lose_percent":20,"paused":true,"acted":{"cut":3,"#)
        );
        assert_eq!(serde_json::from_str::<FaultsReport>(&json).unwrap(), report);
    }

    #[test]
    fn a_refusal_names_the_field_and_the_limit() {
        for (body, field, limit) in [
            (r#"{"lose_percent": 101}"#, "lose_percent", Some(100)),
            (r#"{"lose_percent": 300}"#, "lose_percent", Some(100)),
            (r#"{"lose_percent": -1}"#, "lose_percent", None),
            (r#"{"delay_ms": 60001}"#, "delay_ms", Some(60_000)),
            (r#"{"cut": [7002, 7001]}"#, "cut[1]", None),
            (r#"{"cut": ["db1:7000"]}"#, "cut[0]", None),
            (r#"{"cut": [0]}"#, "cut[0]", None),
            (r#"{"paused": 1}"#, "paused", None),
            (r#"{"los_percent": 1}"#, "los_percent", None),
        ] {
            let problem = read(body).expect_err(body);
            assert_eq!(problem.field.as_deref(), Some(field), "{body}: {problem:?}");
            assert_eq!(problem.limit, limit, "{body}");
        }
        assert!(read("[]").is_err());
    }
}
