//! Refusals as `application/problem+json` (RFC 9457), and the one place that maps refusals to HTTP status.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::protocol::Refusal;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// Always `about:blank`: the status says the kind (RFC 9457, section 4.2.1).
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The status in words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in a sentence.
    pub detail: String,
    /// The field that is wrong, such as `messages[3].version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The limit that was passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl Problem {
    /// A problem of any status.
    pub fn new(status: u16, detail: impl Into<String>) -> Problem {
        let title = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            410 => "Gone",
            412 => "Precondition Failed",
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            422 => "Unprocessable Content",
            429 => "Too Many Requests",
            500 => "Internal Server Error",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            507 => "Insufficient Storage",
            _ => "Error",
        };
        Problem {
            kind: "about:blank".into(),
            title: title.into(),
            status,
            detail: detail.into(),
            field: None,
            limit: None,
        }
    }

    /// A field whose value is not acceptable.
    pub fn field(field: impl Into<String>, detail: impl std::fmt::Display) -> Problem {
        let field = field.into();
        let detail = if field.is_empty() { detail.to_string() } else { format!("{field}: {detail}") };
        Problem { field: (!field.is_empty()).then_some(field), ..Problem::new(400, detail) }
    }

    /// The same with the limit that was passed.
    #[must_use]
    pub fn with_limit(self, limit: u64) -> Problem {
        Problem { limit: Some(limit), ..self }
    }

    /// The same problem of a part of a larger body.
    #[must_use]
    pub fn within(self, outer: &str) -> Problem {
        match &self.field {
            Some(inner) => {
                let joint = if inner.starts_with('[') { "" } else { "." };
                let field = format!("{outer}{joint}{inner}");
                let detail = self.detail.strip_prefix(inner.as_str()).map(|rest| format!("{field}{rest}"));
                Problem { detail: detail.unwrap_or_else(|| self.detail.clone()), field: Some(field), ..self }
            }
            None => self,
        }
    }

    /// The JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let status = match &refusal {
            Refusal::OtherCluster { .. } | Refusal::OwnId(_) => 409,
            Refusal::Expired => 410,
            Refusal::NotKnown(_) => 404,
            // Waiting makes no room among the seeds; taking one out does.
            Refusal::StillLives(_) | Refusal::TooManySeeds(_) => 409,
            Refusal::NoLink(_) => 412,
            Refusal::TooMany(_) => 429,
            Refusal::OneDialect => 403,
            Refusal::Leaving => 503,
        };
        let field = match &refusal {
            Refusal::OtherCluster { .. } => Some("cluster".to_owned()),
            Refusal::OwnId(_) => Some("from".to_owned()),
            Refusal::TooManySeeds(_) => Some("seed".to_owned()),
            _ => None,
        };
        let limit = match &refusal {
            Refusal::TooMany(limit) | Refusal::TooManySeeds(limit) => Some(*limit as u64),
            _ => None,
        };
        Problem { field, limit, ..Problem::new(status, refusal.to_string()) }
    }
}
