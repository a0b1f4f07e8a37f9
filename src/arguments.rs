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
    let known = WORDS.iter().find(|(known, _)| *known == said).map(|(_, meant)| (*meant).to_owned());
    let meant = known.or_else(|| of_range(&said));
    let (Some(meant), Some(ContextValue::String(argument)), Some(ContextValue::String(value))) =
        (meant, error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return error;
    };
    let text = format!("invalid value '{value}' for '{argument}': {meant}\n\nFor more information, try '--help'.\n");
    Error::raw(ErrorKind::ValueValidation, text)
}

/// `0 is not in 1..=9`.
fn of_range(said: &str) -> Option<String> {
    let (least, most) = said.split_once(" is not in ")?.1.split_once("..=")?;
    Some(format!("it is not between {least} and {most}"))
}

/// A duration such as 10s.
///
/// # Errors
/// How it is written.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|_| "it is no time; write it as 10s, 500ms or 2min".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[arg(long)]
        count: Option<u64>,
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=9))]
        days: Option<u32>,
        #[arg(long)]
        bind: Option<std::net::IpAddr>,
        #[arg(long)]
        level: Option<log::LevelFilter>,
        #[arg(long, value_parser = parse_duration)]
        time: Option<std::time::Duration>,
    }

    #[test]
    fn a_wrong_value_is_told_of_in_words_that_say_what_would_be_right() {
        for (flag, value, said) in [
            ("--count", "abc", "no whole number"),
            ("--count", "99999999999999999999", "too large"),
            ("--days", "0", "not between 1 and 9"),
            ("--days", "x", "no whole number"),
            ("--bind", "x", "no IP address"),
            ("--level", "loud", "off, error, warn"),
            ("--time", "5", "write it as 10s"),
        ] {
            let error = Arguments::try_parse_from(["test", &format!("{flag}={value}")]).expect_err(value);
            let text = in_our_words(error).to_string();
            assert!(text.contains(flag) && text.contains(value) && text.contains(said), "{text}");
            assert!(text.contains("try '--help'"), "{text}");
        }
    }
}
