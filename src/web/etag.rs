//! Entity tags (RFC 9110, section 8.8.3): whether somebody already has what would be answered, or changes what it saw.
//!
//! A tag is made of the JSON before it is laid out for people, so both forms of one answer have the same: `Vary` tells
//! caches apart.

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH, VARY};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::answer;
use crate::wire::Problem;

/// The tag of a record.
pub(super) fn tag_of(record: &impl Serialize) -> String {
    // None of our records can fail to become JSON; what stands in for the impossible never matches a real tag.
    tag_of_text(&serde_json::to_vec(record).unwrap_or_default())
}

/// The tag of a record that is JSON already.
pub(super) fn tag_of_text(text: &[u8]) -> String {
    // Each hash reads its half only, as texts may be long; 64 bits suffice that nobody gets two answers for one tag by chance.
    let (first, second) = text.split_at(text.len() / 2);
    let half = |bytes: &[u8]| {
        let mut hasher = DefaultHasher::new();
        hasher.write_usize(text.len());
        hasher.write(bytes);
        hasher.finish()
    };
    format!("\"{:016x}{:016x}\"", half(first), half(second))
}

/// A record with its tag, or 304 for somebody who has it.
pub(super) fn json(request: &HttpRequest, record: &impl Serialize) -> HttpResponse {
    let text = match serde_json::to_vec(record) {
        Ok(text) => text,
        Err(error) => return answer::problem(request, &Problem::new(500, format!("the answer is no JSON: {error}"))),
    };
    json_text(request, text)
}

/// The same of a record that is JSON already.
pub(super) fn json_text(request: &HttpRequest, text: Vec<u8>) -> HttpResponse {
    let tag = tag_of_text(&text);
    unless_known(request, &tag, || answer::json_text(request, 200, text))
}

/// What answers, or 304 for somebody who has what this tag names.
pub(super) fn unless_known(request: &HttpRequest, tag: &str, answer: impl FnOnce() -> HttpResponse) -> HttpResponse {
    let known = named(request.headers(), IF_NONE_MATCH.as_str()).is_some_and(|tags| names(&tags, tag));
    let mut response = if known { HttpResponse::NotModified().finish() } else { answer() };
    put(&mut response, tag);
    response
}

/// Writes a tag into an answer.
pub(super) fn put(response: &mut HttpResponse, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, value);
        response.headers_mut().insert(VARY, HeaderValue::from_static("user-agent"));
    }
}

/// Whether a change may be made to what has one of these tags now.
///
/// # Errors
/// 412 if the request names only others (`If-Match`).
pub(super) fn check_match(request: &HttpRequest, current: impl FnOnce() -> Vec<String>) -> Result<(), Problem> {
    let Some(asked) = named(request.headers(), IF_MATCH.as_str()) else { return Ok(()) };
    let current = current();
    if current.iter().any(|tag| names(&asked, tag)) {
        return Ok(());
    }
    let now = current.first().map_or("nothing", String::as_str);
    let detail = format!("the state is another one than If-Match names; its tag is now {now}");
    Err(Problem::new(412, detail))
}

fn named(headers: &HeaderMap, header: &str) -> Option<Vec<String>> {
    let mut values = headers.get_all(header).filter_map(|value| value.to_str().ok()).peekable();
    values.peek()?;
    Some(values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect())
}

/// Whether a list of tags has this one. Weak marks, which proxies that compress add, are looked past.
fn names(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
