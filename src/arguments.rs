//! What is said of a command line that cannot be meant: the parsers of the standard library speak of digits in strings.
//!
//! Both programs pass the errors of their definitions through here. Ranges, choices and files are told of by those definitions.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// What parsers say, and what is meant.
const WORDS: [(&str, &str); 7] = [
    ("invalid digit found in string", "it is no whole number"),
    ("cannot parse integer from empty string", "it is no whole number"),
    ("number too large to fit in target type", "it is too large a number"),
    ("number too small to fit in target type", "it is too small a number"),
    ("invalid float literal", "it is no number"),
    ("invalid IP address syntax", "it is no IP address such as 127.0.0.1 or ::"),
    (
        "attempted to convert a string that doesn't match an existing log level",
        "it is none of off, error, warn, info, debug, trace",
    ),
];

/// The same error, in our own words where its reason is another's.
pub fn in_our_words(error: Error) -> Error {
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let meant = WORDS.iter().find(|(known, _)| *known == said).map(|(_, meant)| *meant);
    let (Some(meant), Some(ContextValue::String(argument)), Some(ContextValue::String(value))) =
        (meant, error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return error;
    };
    let text = format!("invalid value '{value}' for '{argument}': {meant}\n\nFor more information, try '--help'.\n");
    Error::raw(ErrorKind::ValueValidation, text)
}

/// A duration such as 10s.
///
/// # Errors
/// How it is written.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|_| "it is no time; write it as 10s, 500ms or 2min".to_owned())
}
