//! The parameters of a request: each by its name, and refused in words that say what would be right.

use std::collections::BTreeMap;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::web::Query;
use uuid::Uuid;

use super::state::Format;
use crate::protocol::NodeId;
use crate::wire::Problem;

/// Characters of a parameter that a refusal repeats.
const MOST_SHOWN: usize = 40;

/// The parameters of a request, each given at most once.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The parameters of these names.
    ///
    /// # Errors
    /// When there is one of another name, or one is given twice.
    pub(super) fn of(request: &HttpRequest, known: &[&str]) -> Result<Parameters, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs(request)? {
            if !known.contains(&name.as_str()) {
                let detail = format!("{:?} is no parameter here; possible are {}", shown(&name), known.join(", "));
                return Err(Problem::field("query", detail));
            }
            if parameters.contains_key(&name) {
                return Err(Problem::field(name, "is given twice"));
            }
            parameters.insert(name, value);
        }
        Ok(Parameters(parameters))
    }

    /// Whether it is given, with a value or without.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Its value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Which of these values it has.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let chosen = choices.iter().find(|(known, _)| *known == value).map(|(_, choice)| *choice);
        chosen.map(Some).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(known, _)| *known).collect();
            Problem::field(name, format!("{:?} is none of {}", shown(value), names.join(", ")))
        })
    }

    /// `?format=`: one of those that an answer may have.
    pub(super) fn format(&self) -> Result<Option<Format>, Problem> {
        self.choice("format", &Format::ALL)
    }

    /// A whole number.
    pub(super) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Problem> {
        let wrong =
            |text: &str| Problem::field(name, format!("{:?} is no whole number, or too large a one", shown(text)));
        self.text(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// A whole uuid.
    pub(super) fn uuid(&self, name: &str) -> Result<Option<Uuid>, Problem> {
        self.text(name).map(|text| parse_uuid(name, text)).transpose()
    }

    /// A node.
    pub(super) fn id(&self, name: &str) -> Result<Option<NodeId>, Problem> {
        let wrong = |error| Problem::field(name, error);
        self.text(name).map(|text| NodeId::parse(text).map_err(wrong)).transpose()
    }
}

/// All parameters in their order, whatever their names.
pub(super) fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let read = Query::<Vec<(String, String)>>::from_query(request.query_string());
    read.map(Query::into_inner).map_err(|_| Problem::field("query", "cannot be read as name=value&name=value"))
}

/// Reads a whole uuid.
pub(super) fn parse_uuid(field: &str, text: &str) -> Result<Uuid, Problem> {
    let wrong = || Problem::field(field, format!("{:?} is no uuid such as {}", shown(text), Uuid::from_u128(1 << 64)));
    text.parse().map_err(|_| wrong())
}

/// A name or value as a refusal repeats it.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MOST_SHOWN).collect()
}
