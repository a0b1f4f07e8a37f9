//! `?acks=K|all&wait=5s` of `POST /messages`, and `GET /messages/{uuid}/held` by which nodes tell that they hold one.

use std::time::Duration;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::query::{Parameters, parse_uuid, shown};
use super::{Context, answer, faults};
use crate::net::{Handle, LONGEST_HOLD, Wanted};
use crate::wire::{AcksProblem, CallKind, HeldReport, Problem, SubmittedReport};

/// How long to wait for holders, unless said.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// The longest that a submitter may wait; whoever wants to wait longer asks again under the same uuid.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What a submitter waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acks {
    wanted: Wanted,
    wait: Duration,
}

/// Reads and checks what a submission waits for; `None` if it waits for no other node.
pub(super) fn read(request: &HttpRequest, node: &Handle) -> Result<Option<Acks>, Problem> {
    let parameters = Parameters::of(request, &["acks", "wait"])?;
    let wait = parameters.text("wait");
    let Some(acks) = parameters.text("acks") else {
        return match wait {
            None => Ok(None),
            Some(_) => Err(Problem::field("wait", "means something only with acks")),
        };
    };
    let wanted = if acks == "all" { Wanted::All } else { Wanted::Count(read_count(acks, node.live_nodes())?) };
    let wait = wait.map_or(Ok(DEFAULT_WAIT), |text| read_wait("wait", text, MAX_WAIT))?;
    Ok(Some(Acks { wanted, wait }))
}

fn read_count(text: &str, live: usize) -> Result<usize, Problem> {
    match text.parse::<usize>() {
        Ok(count) if (1..=live).contains(&count) => Ok(count),
        Ok(count) => {
            let detail =
                format!("{count} is not between 1 and {live}, the nodes that are alive as far as is known here");
            Err(Problem::field("acks", detail).with_limit(live as u64))
        }
        Err(_) => Err(Problem::field("acks", format!("{:?} is neither a number of nodes nor \"all\"", shown(text)))),
    }
}

fn read_wait(field: &str, text: &str, longest: Duration) -> Result<Duration, Problem> {
    let wait = humantime::parse_duration(text)
        .map_err(|_| Problem::field(field, format!("{:?} is no time such as 5s or 500ms", shown(text))))?;
    if wait > longest {
        let (wait, longest_text) = (humantime::format_duration(wait), humantime::format_duration(longest));
        let detail = format!("{wait} is longer than {longest_text}");
        return Err(Problem::field(field, detail).with_limit(longest.as_secs()));
    }
    Ok(wait)
}

/// Waits until enough nodes hold a message that was just taken.
pub(super) async fn await_them(
    request: &HttpRequest,
    context: &Context,
    acks: Acks,
    (uuid, version, created): (Uuid, u64, bool),
) -> HttpResponse {
    let found = context.node.await_holders(uuid, acks.wanted, acks.wait).await;
    if found.reached >= found.wanted {
        let report = SubmittedReport { uuid, version, acks: Some(found.reached) };
        return answer::json(request, if created { 201 } else { 200 }, &report);
    }
    let wait = humantime::format_duration(acks.wait).to_string();
    answer::json(request, 504, &AcksProblem::new(uuid, version, found.reached, found.wanted, &wait))
}

/// Answers as soon as this node holds a message, on disk if it has one.
pub(super) async fn held(request: HttpRequest, uuid: Path<String>, context: Data<Context>) -> HttpResponse {
    // `from` is the node that asks: faults may lie between it and this node.
    let asked = Parameters::of(&request, &["wait", "from"]).and_then(|asked| {
        let wait = asked.text("wait").map_or(Ok(Duration::ZERO), |text| read_wait("wait", text, LONGEST_HOLD))?;
        Ok((parse_uuid("uuid", &uuid)?, wait, asked.id("from")?))
    });
    let (uuid, wait, from) = match asked {
        Ok(asked) => asked,
        Err(problem) => return answer::problem(&request, &problem),
    };
    if let Some(from) = from
        && context.node.receive_from(&from, CallKind::Link, || ()).await.is_none()
    {
        return faults::lost(&request);
    }
    if context.node.holds(uuid, wait).await {
        let id = context.node.view(|view, _| view.id().clone());
        return answer::json(&request, 200, &HeldReport { uuid, id });
    }
    answer::problem(&request, &Problem::new(404, format!("message {uuid} is not held here")))
}
