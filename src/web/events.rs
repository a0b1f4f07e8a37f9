//! `GET /events`: what happens at this node, as it happens.
//!
//! Server-sent events (WHATWG HTML, section 9.2), or one JSON object per line for those who accept
//! `application/x-ndjson` or `application/json`. A stream begins with a snapshot, or behind the event that the watcher
//! names. A watcher that does not read is dropped, never waited for.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix_web::http::header::{ACCEPT, CACHE_CONTROL};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::query::Parameters;
use super::{Context, answer};
use crate::net::{Beginning, Stream, Taken};
use crate::wire::{EventKind, Problem, ResetEvent};

/// A sign of life when nothing happens: less than what proxies wait for as a rule.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The id of a reset: one that no stream resumes from. Who is cut off between it and the snapshot gets both again.
const NOWHERE: &str = "reset";

/// How long a watcher may leave unread what is ready for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The stream.
pub(super) async fn events(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let asked = Parameters::of(&request, &["kind", "last_event_id"]).and_then(|parameters| {
        Ok((Choice::parse(parameters.text("kind"))?, parameters.text("last_event_id").map(str::to_owned)))
    });
    let (choice, last_id) = match asked {
        Ok(asked) => asked,
        Err(problem) => return answer::problem(&request, &problem),
    };
    let header = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let last_id = header.or(last_id).filter(|id| !id.is_empty());
    let Some((beginning, stream)) = context.node.watch(last_id.as_deref(), context.bounds.event_streams) else {
        let most = context.bounds.event_streams;
        let detail = format!("as many streams are open as may be ({most})");
        return answer::problem(&request, &Problem::new(503, detail).with_limit(most as u64));
    };
    let form = Form::of(&request);
    let (told, chunks) = mpsc::channel(1);
    actix_rt::spawn(tell(context.clone(), beginning, stream, Teller { form, choice }, told));
    HttpResponse::Ok()
        .content_type(form.content_type())
        .insert_header((CACHE_CONTROL, "no-store"))
        // Some proxies would gather the stream until it ends.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Chunks(chunks))
}

/// Which events are wanted; empty for all.
struct Choice(Vec<EventKind>);

impl Choice {
    fn parse(kinds: Option<&str>) -> Result<Choice, Problem> {
        let kinds = kinds.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let parse = |name: &str| {
            EventKind::parse(name).filter(|kind| kind.is_choice()).ok_or_else(|| {
                let choices = EventKind::ALL.iter().filter(|(kind, _)| kind.is_choice()).map(|(_, name)| *name);
                let shown: String = name.chars().take(40).collect();
                let detail = format!("{shown:?} is none of {}", choices.collect::<Vec<_>>().join(", "));
                Problem::field("kind", detail)
            })
        };
        kinds.map(parse).collect::<Result<_, _>>().map(Choice)
    }

    fn takes(&self, kind: EventKind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }
}

/// How events are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    ServerSent,
    Lines,
}

impl Form {
    fn of(request: &HttpRequest) -> Form {
        let accepted = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let lines = ["application/x-ndjson", "application/json"].iter().any(|kind| accepted.contains(kind));
        if lines && !accepted.contains("text/event-stream") { Form::Lines } else { Form::ServerSent }
    }

    fn content_type(self) -> &'static str {
        match self {
            Form::ServerSent => "text/event-stream",
            Form::Lines => "application/x-ndjson",
        }
    }
}

/// Writes events in one form.
struct Teller {
    form: Form,
    choice: Choice,
}

impl Teller {
    fn write(&self, out: &mut String, id: &str, kind: EventKind, data: &str) {
        let name = kind.name();
        match self.form {
            Form::ServerSent => out.push_str(&format!("id: {id}\nevent: {name}\ndata: {data}\n\n")),
            Form::Lines => {
                let members = data.strip_prefix('{').unwrap_or(data);
                let joint = if members == "}" { "" } else { "," };
                out.push_str(&format!("{{\"id\":\"{id}\",\"event\":\"{name}\"{joint}{members}\n"));
            }
        }
    }

    fn beginning(&self, context: &Context, beginning: Beginning, id: &str) -> String {
        let mut out = String::new();
        if let Beginning::Reset(reason) = &beginning {
            let data = serde_json::to_string(&ResetEvent { reason: reason.clone() }).unwrap_or_default();
            self.write(&mut out, NOWHERE, EventKind::Reset, &data);
        }
        if beginning == Beginning::Resumed {
            // The head of the answer goes out with the first bytes.
            out.push_str(&self.keep_alive(id));
        } else {
            self.write(
                &mut out,
                id,
                EventKind::Snapshot,
                &context.node.snapshot(self.form == Form::ServerSent, context.limiter.refused()),
            );
        }
        out
    }

    /// A sign of life. Where only some events are told it also moves the watcher's last id on past the others.
    fn keep_alive(&self, id: &str) -> String {
        match self.form {
            Form::ServerSent if self.choice.0.is_empty() => ": keep-alive\n\n".to_owned(),
            Form::ServerSent => format!(": keep-alive\nid: {id}\n\n"),
            Form::Lines => {
                let mut out = String::new();
                self.write(&mut out, id, EventKind::KeepAlive, "{}");
                out
            }
        }
    }
}

/// Hands events over until the watcher goes, is too slow, or the node leaves.
async fn tell(
    context: Data<Context>,
    beginning: Beginning,
    mut stream: Stream,
    teller: Teller,
    told: mpsc::Sender<Bytes>,
) {
    let mut text = teller.beginning(&context, beginning, &stream.id());
    // What is not told to this watcher is no sign of life.
    let mut alive_by = Instant::now() + KEEP_ALIVE;
    loop {
        if !text.is_empty() {
            alive_by = Instant::now() + KEEP_ALIVE;
            match tokio::time::timeout(PATIENCE, told.send(text.into())).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => return stream.note_too_slow(),
            }
        }
        text = String::new();
        let taken = tokio::select! {
            taken = tokio::time::timeout_at(alive_by, stream.next()) => taken,
            () = told.closed() => return,
        };
        match taken {
            Ok(Taken::Events(events)) => {
                for event in events.iter().filter(|event| teller.choice.takes(event.kind)) {
                    teller.write(&mut text, &context.node.live().id_of(event.number), event.kind, &event.data);
                }
            }
            Ok(Taken::TooSlow | Taken::Ended) => return,
            Err(_) => text = teller.keep_alive(&stream.id()),
        }
    }
}

/// The body of the answer.
struct Chunks(mpsc::Receiver<Bytes>);

impl futures_core::Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(Ok))
    }
}
