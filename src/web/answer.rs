//! Answers: compact JSON for our own programs, pretty JSON for everyone else, text tables on request.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, USER_AGENT};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::http::AGENT;
use crate::protocol::Response;
use crate::wire::{Answer, Problem, encode_response};

/// Whether one of our own programs asks.
pub(super) fn is_ours(request: &HttpRequest) -> bool {
    is_agent_ours(request.headers().get(USER_AGENT).map(HeaderValue::as_bytes))
}

/// The same by the value of `User-Agent`: what people use names itself, and calls between nodes name nobody, to be short.
pub(super) fn is_agent_ours(agent: Option<&[u8]>) -> bool {
    agent.is_none_or(|agent| agent == AGENT.as_bytes())
}

/// JSON text, pretty unless one of our own programs asks.
pub(super) fn json_text(request: &HttpRequest, status: u16, text: Vec<u8>) -> HttpResponse {
    let text = if is_ours(request) { text } else { pretty(&text) };
    Plain { status, text }.into()
}

/// A whole answer in JSON, laid out as it is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The status.
    pub status: u16,
    /// The body.
    pub text: Vec<u8>,
}

impl Plain {
    /// The type of the body: a problem's (RFC 9457) or any record's.
    pub fn content_type(&self) -> &'static str {
        if self.status >= 400 { "application/problem+json" } else { "application/json" }
    }
}

impl From<Plain> for HttpResponse {
    fn from(answer: Plain) -> HttpResponse {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut head = HttpResponse::build(status);
        match answer.text.is_empty() {
            true => head.finish(),
            false => head.content_type(answer.content_type()).body(answer.text),
        }
    }
}

/// JSON that is laid out already, and shared.
pub(super) fn json_bytes(text: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text)
}

/// A record as JSON.
pub(super) fn json(request: &HttpRequest, status: u16, record: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(record) {
        Ok(text) => json_text(request, status, text),
        Err(error) => problem(request, &Problem::new(500, format!("the answer is no JSON: {error}"))),
    }
}

/// What the codec made of a response.
pub(super) fn encoded(request: &HttpRequest, answer: Answer) -> HttpResponse {
    json_text(request, answer.status, answer.body)
}

/// What a user's request was answered, or that the disk takes nothing.
pub(super) fn outcome(request: &HttpRequest, outcome: Result<Response, Arc<str>>) -> HttpResponse {
    match outcome {
        Ok(response) => encoded(request, encode_response(&response)),
        Err(trouble) => no_room(request, &trouble),
    }
}

/// The disk takes nothing (RFC 4918, section 11.5).
fn no_room(request: &HttpRequest, trouble: &str) -> HttpResponse {
    problem(request, &Problem::new(507, trouble))
}

/// A refusal.
pub(super) fn problem(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    json_text(request, problem.status, problem.to_json())
}

/// Plain text.
pub(super) fn text(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text)
}

/// Lays JSON text out for people, member by member, without changing a value.
pub(super) fn pretty(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    for (i, &byte) in json.iter().enumerate() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        let next = json.get(i + 1);
        match byte {
            b'"' => {
                in_string = true;
                out.push(byte);
            }
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                if !matches!(next, Some(b'}' | b']')) {
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => out.push(byte),
        }
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn pretty_text_has_the_same_values() {
        for text in [
            r#"{"a":[1,2,{"b":"x\"y: {,}\\"}],"c":{},"d":[],"e":null}"#,
            r#"[]"#,
            r#"  {"a" : [ ] , "b":{ "c":-1.5e3}}"#,
            r#""just \\ a \" text""#,
        ] {
            let before: serde_json::Value = serde_json::from_str(text).unwrap();
            let laid_out = pretty(text.as_bytes());
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&laid_out).unwrap(), before);
        }
        assert_eq!(pretty(br#"{"a":[1,2]}"#), b"{\n  \"a\": [\n    1,\n    2\n  ]\n}\n");
    }
}
