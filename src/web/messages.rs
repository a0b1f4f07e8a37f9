//! `/messages`: the log of submitted messages, and submitting one.

use std::time::SystemTime;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::query::Parameters;
use super::state::Format;
use super::{Context, acks, answer, body, etag, text};
use crate::net::{Clock, message_report};
use crate::protocol::{Record, Request, Response, Time, View};
use crate::wire::{MessageReport, Problem, parse_read_marks, parse_submission};

/// Messages in one answer, unless said.
const DEFAULT_LIMIT: usize = 1_000;

/// Most messages in one answer.
const MAX_LIMIT: usize = 100_000;

/// Hexadecimal digits that a shortened uuid must have at least.
const MIN_PREFIX: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadFilter {
    All,
    Unread,
    Read,
}

const READ_FILTERS: [(&str, ReadFilter); 3] =
    [("all", ReadFilter::All), ("unread", ReadFilter::Unread), ("read", ReadFilter::Read)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum KindFilter {
    All,
    Message,
    State,
}

const KIND_FILTERS: [(&str, KindFilter); 3] =
    [("all", KindFilter::All), ("message", KindFilter::Message), ("state", KindFilter::State)];

/// What is asked for, checked.
struct Wanted {
    read: ReadFilter,
    kind: KindFilter,
    since: Time,
    limit: usize,
    format: Option<Format>,
}

impl Wanted {
    fn parse(request: &HttpRequest, clock: Clock) -> Result<Wanted, Problem> {
        let parameters = Parameters::of(request, &["status", "kind", "since", "limit", "format"])?;
        let limit = parameters.number("limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let detail = format!("{limit} is not between 1 and {MAX_LIMIT}");
            return Err(Problem::field("limit", detail).with_limit(MAX_LIMIT as u64));
        }
        let since = match parameters.text("since") {
            None => Time(0),
            Some(text) => {
                let moment: jiff::Timestamp = text.parse().map_err(|_| {
                    let shown: String = text.chars().take(40).collect();
                    Problem::field("since", format!("{shown:?} is no time such as 2026-11-20T08:30:00Z"))
                })?;
                clock.time_of(SystemTime::from(moment))
            }
        };
        let read = parameters.choice("status", &READ_FILTERS)?.unwrap_or(ReadFilter::All);
        let kind = parameters.choice("kind", &KIND_FILTERS)?.unwrap_or(KindFilter::Message);
        Ok(Wanted { read, kind, since, limit, format: parameters.format()? })
    }

    fn takes(&self, record: &Record) -> bool {
        let read = match self.read {
            ReadFilter::All => true,
            ReadFilter::Unread => !record.read,
            ReadFilter::Read => record.read,
        };
        read && record.received_at >= self.since
    }

    /// The records asked for, oldest first. Books have no place in the messages' order, so all together go by arrival.
    fn select<'a>(&self, view: View<'a>) -> Vec<&'a Record> {
        let messages = view.log().iter().filter(|record| self.takes(record));
        let books = view.books().iter().filter(|record| self.takes(record));
        match self.kind {
            KindFilter::Message => messages.take(self.limit).collect(),
            KindFilter::State => books.take(self.limit).collect(),
            KindFilter::All => {
                let mut both: Vec<&Record> = messages.chain(books).collect();
                both.sort_by_key(|record| record.received_at);
                both.truncate(self.limit);
                both
            }
        }
    }
}

/// The log, oldest first.
pub(super) async fn list(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let shown = show_list(request, context.clone());
    context.node.written(shown).await
}

fn show_list(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let clock = context.node.clock();
    let wanted = match Wanted::parse(&request, clock) {
        Ok(wanted) => wanted,
        Err(problem) => return answer::problem(&request, &problem),
    };
    if wanted.format == Some(Format::Text) {
        return answer::text(context.node.view(|view, _| text::messages(view.id(), &wanted.select(view))));
    }
    let reports: Vec<MessageReport> = context.node.view(|view, _| {
        wanted.select(view).into_iter().map(|record| message_report(view.id(), record, clock)).collect()
    });
    etag::json(&request, &reports)
}

/// One message, by its uuid or an unambiguous beginning of it.
pub(super) async fn one(request: HttpRequest, name: Path<String>, context: Data<Context>) -> HttpResponse {
    let shown = show_one(request, name, context.clone());
    context.node.written(shown).await
}

fn show_one(request: HttpRequest, name: Path<String>, context: Data<Context>) -> HttpResponse {
    let clock = context.node.clock();
    let found = context.node.view(|view, _| find(view, &name).map(|record| message_report(view.id(), record, clock)));
    match found {
        Ok(report) => answer::json(&request, 200, &report),
        Err(problem) => answer::problem(&request, &problem),
    }
}

pub(super) fn find<'a>(view: View<'a>, name: &str) -> Result<&'a Record, Problem> {
    let digits: String = name.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let shown: String = name.chars().take(40).collect();
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit()) && (MIN_PREFIX..=32).contains(&digits.len());
    let bound = |fill: &str| u128::from_str_radix(&format!("{digits}{}", fill.repeat(32 - digits.len())), 16).ok();
    let range = if plain { bound("0").zip(bound("f")) } else { None };
    let Some((low, high)) = range else {
        let detail = format!("{shown:?} is neither a uuid nor its first {MIN_PREFIX} or more hexadecimal digits");
        return Err(Problem::field("uuid", detail));
    };
    let (low, high) = (Uuid::from_u128(low), Uuid::from_u128(high));
    let mut found = view.log().with_uuid_between(low, high).chain(view.books().with_uuid_between(low, high));
    match (found.next(), found.next()) {
        (Some(record), None) => Ok(record),
        (None, _) => Err(Problem::new(404, format!("no message {shown} is remembered here"))),
        (Some(_), Some(_)) => Err(Problem::new(409, format!("more than one message begins with {shown}"))),
    }
}

/// Submits a message.
pub(super) async fn submit(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    let parsed = body::read(payload, &context.bounds).await.and_then(|body| {
        let acks = acks::read(&request, &context.node)?;
        Ok((parse_submission(&body, context.bounds.max_payload)?, acks))
    });
    let (submission, acks) = match parsed {
        Ok(parsed) => parsed,
        Err(problem) => return answer::problem(&request, &problem),
    };
    let outcome = context.node.request(Request::Submit(submission)).await;
    match (&outcome, acks) {
        (Ok(Response::Submitted { uuid, version, created }), Some(acks)) => {
            acks::await_them(&request, &context, acks, (*uuid, *version, *created)).await
        }
        _ => answer::outcome(&request, outcome),
    }
}

/// Marks messages as read.
pub(super) async fn mark_read(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    match body::read(payload, &context.bounds).await.and_then(|body| parse_read_marks(&body)) {
        Ok(uuids) => {
            let outcome = context.node.request(Request::MarkRead(uuids)).await;
            answer::outcome(&request, outcome)
        }
        Err(problem) => answer::problem(&request, &problem),
    }
}
