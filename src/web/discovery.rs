//! `GET /sd/prometheus`: the living nodes as targets, in the form of Prometheus' HTTP service discovery.
//!
//! Each node is a target at its own address, or, with `?target=member`, at the address that its payload gives under that
//! name. What its payload says at the top becomes labels, which a relabelling may keep.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::filter::{Filter, member};
use super::{Context, answer, etag};
use crate::protocol::{Entry, NodeId, Status};

/// Members of a payload that become labels.
const MAX_LABELS: usize = 32;

/// Longest value of a label, in bytes; longer ones are left out.
const MAX_VALUE: usize = 256;

/// Targets with one set of labels.
#[derive(Serialize)]
struct Group {
    targets: [String; 1],
    labels: BTreeMap<String, String>,
}

/// The targets.
pub(super) async fn prometheus(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let (parameters, filter) = match Filter::split(&request, &["target"]) {
        Ok((parameters, filter)) => (parameters, filter.with_statuses(&[Status::Alive, Status::Suspect])),
        Err(problem) => return answer::problem(&request, &problem),
    };
    let target = parameters.get("target").map(String::as_str);
    let groups: Vec<Group> = context.node.view(|view, _| {
        let meant = view.table().iter().filter(|(_, entry)| filter.takes(entry));
        meant.filter_map(|(id, entry)| group(view.cluster(), id, entry, target)).collect()
    });
    etag::json(&request, &groups)
}

fn group(cluster: &str, id: &NodeId, entry: &Entry, target: Option<&str>) -> Option<Group> {
    let payload: Value = serde_json::from_str(entry.state.as_ref()?.message.payload.as_str()).ok()?;
    let address = match target {
        None => id.address(),
        Some(path) => member(&payload, path)?.as_str().filter(|address| !address.is_empty())?.to_owned(),
    };
    let mut labels = BTreeMap::from([
        ("__meta_gossip_cluster".to_owned(), cluster.to_owned()),
        ("__meta_gossip_node".to_owned(), id.to_string()),
        ("__meta_gossip_status".to_owned(), entry.shown_status().name().to_owned()),
    ]);
    let members = payload.as_object().into_iter().flatten().take(MAX_LABELS);
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if value.len() <= MAX_VALUE && name.len() <= MAX_VALUE {
            labels.insert(format!("__meta_gossip_payload_{}", label(name)), value);
        }
    }
    Some(Group { targets: [address], labels })
}

/// A name as Prometheus takes it.
fn label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
