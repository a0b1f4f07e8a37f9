//! What is wrong with JSON that could not be read, in words that say what would be right.
//!
//! The reader's own texts name types of this program (`expected u8`), which nobody who sends JSON knows. They are read here, as
//! the reader offers nothing else: a text of a kind that is not known is handed on as it is.

use serde_json::Error;
use serde_json::error::Category;

use super::problem::Problem;

/// Characters of a name, and of what is said about it, that are shown: both may be as long as the body that they are from.
const MOST_SHOWN: usize = 300;

/// What a body is refused with; `path` leads to the field, as far as it is known.
pub(super) fn refusal(path: &str, error: &Error) -> Problem {
    let path = if path == "." || path == "?" { String::new() } else { shown(path) };
    match error.classify() {
        // What is no JSON has no fields.
        Category::Syntax | Category::Eof => Problem::new(400, format!("the body is no JSON: {}", in_words(error))),
        Category::Data | Category::Io => of_value(path, error),
    }
}

/// What is wrong, in words.
pub(super) fn in_words(error: &Error) -> String {
    match error.classify() {
        Category::Syntax | Category::Eof => {
            format!("{} at line {}, column {}", of_text(&said(error)), error.line(), error.column())
        }
        Category::Data | Category::Io => of_value(String::new(), error).detail.replacen("the body: ", "", 1),
    }
}

/// The reader's words without the place.
fn said(error: &Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    shown(text.strip_suffix(&place).unwrap_or(&text))
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What is no JSON.
fn of_text(said: &str) -> String {
    let words = match said {
        "EOF while parsing a list" => "it ends within a list,",
        "EOF while parsing an object" => "it ends within an object,",
        "EOF while parsing a string" => "it ends within a text,",
        "EOF while parsing a value" => "it ends where a value is expected,",
        "expected value" => "a value is expected",
        "expected ident" => "neither true, false nor null",
        "key must be a string" => "the name of a member must be a text in quotes,",
        "trailing comma" => "a comma with nothing behind it",
        "trailing characters" => "something follows its end",
        "recursion limit exceeded" => "it is nested too deep",
        "number out of range" => "a number beyond all range",
        "invalid number" => "no valid number",
        "invalid escape" => "no valid escape in a text",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => "half of a surrogate pair in a text",
        other => other,
    };
    words.to_owned()
}

/// What is JSON, and not what is asked for.
fn of_value(path: String, error: &Error) -> Problem {
    let said = said(error);
    let member = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(name) = said.strip_prefix("missing field ") {
        return Problem::field(member(name.trim_matches('`')), "is missing");
    }
    if let Some(name) = said.strip_prefix("duplicate field ") {
        return Problem::field(member(name.trim_matches('`')), "is given twice");
    }
    if let Some((_, known)) = split(&said, "unknown field ", ", expected ") {
        return Problem::field(path, format!("is no member here; there are {}", names(known)));
    }
    if let Some((given, known)) = split(&said, "unknown variant ", ", expected ") {
        return about(path, &format!("{:?} is none of {}", given.trim_matches('`'), names(known)), None);
    }
    if said.starts_with("UUID parsing failed") || said.ends_with("expected a formatted UUID string") {
        return about(path, "no uuid such as 00000000-0000-0001-0000-000000000000", None);
    }
    let wrong =
        split(&said, "invalid type: ", ", expected ").or_else(|| split(&said, "invalid value: ", ", expected "));
    let Some((given, wanted)) = wrong else { return about(path, &said, None) };
    let (wanted, limit) = wanted_in_words(wanted);
    about(path, &format!("{} is not {wanted}", given_in_words(given)), limit)
}

fn about(path: String, detail: &str, limit: Option<u64>) -> Problem {
    let problem = match path.is_empty() {
        true => Problem::new(400, format!("the body: {detail}")),
        false => Problem::field(path, detail),
    };
    Problem { limit, ..problem }
}

fn split<'a>(text: &'a str, before: &str, between: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(before)?.rsplit_once(between)
}

/// `one of `a`, `b`` and `` `a` or `b` `` as `a, b`.
fn names(known: &str) -> String {
    known.trim_start_matches("one of ").replace("` or `", "`, `").replace('`', "")
}

fn given_in_words(given: &str) -> String {
    let value = |text: &str| text.trim_matches('`').to_owned();
    for kind in ["integer ", "floating point ", "boolean "] {
        if let Some(text) = given.strip_prefix(kind) {
            return value(text);
        }
    }
    match given {
        "null" => "null".to_owned(),
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        other => other.strip_prefix("string ").unwrap_or(other).to_owned(),
    }
}

/// What is asked for, and how much of it at most.
fn wanted_in_words(wanted: &str) -> (String, Option<u64>) {
    let whole = |most: u64| (format!("a whole number from 0 to {most}"), Some(most));
    match wanted {
        "u8" => whole(u8::MAX.into()),
        "u16" => whole(u16::MAX.into()),
        "u32" => whole(u32::MAX.into()),
        "u64" | "usize" => ("a whole number from 0 on".to_owned(), None),
        "a string" | "a borrowed string" | "string" => ("a text".to_owned(), None),
        "a boolean" => ("true or false".to_owned(), None),
        "a sequence" => ("a list".to_owned(), None),
        "a map" => ("an object".to_owned(), None),
        other if other.starts_with("struct ") => ("an object".to_owned(), None),
        other => (other.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::IdForm;
    use crate::wire::{Problem, parse_own_payload, parse_read_marks, parse_seed, parse_submission};

    fn of_submission(body: &str) -> Problem {
        parse_submission(body.as_bytes(), 1000).expect_err(body)
    }

    #[test]
    fn a_wrong_member_is_named_with_what_it_should_be() {
        for (body, field, detail, limit) in [
            (r#"{"message":1,"ttl":300}"#, "ttl", "300 is not a whole number from 0 to 255", Some(255)),
            (r#"{"message":1,"ttl":-1}"#, "ttl", "-1 is not a whole number from 0 to 255", Some(255)),
            (r#"{"message":1,"ttl":"x"}"#, "ttl", "\"x\" is not a whole number from 0 to 255", Some(255)),
            (r#"{"message":1,"ttl":1.5}"#, "ttl", "1.5 is not a whole number from 0 to 255", Some(255)),
            (r#"{"message":1,"uuid":"x"}"#, "uuid", "no uuid such as", None),
            (r#"{"message":1,"uuid":7}"#, "uuid", "no uuid such as", None),
            (r#"{"message":1,"ttl":1,"ttl":2}"#, "ttl", "is given twice", None),
            (r#"{"text":"plum"}"#, "message", "is missing", None),
        ] {
            let problem = of_submission(body);
            assert_eq!((problem.field.as_deref(), problem.limit), (Some(field), limit), "{body}: {problem:?}");
            assert!(problem.detail.starts_with(&format!("{field}: {detail}")), "{body}: {problem:?}");
        }
        let seed = |body: &str| parse_seed(body.as_bytes(), IdForm::Local).expect_err(body).detail;
        assert_eq!(seed(r#"{"seed":70000}"#), "seed: 70000 is not a node id: a port (1 to 65535) or \"host:port\"");
        let marks = parse_read_marks(br#"{"uuids":7}"#).expect_err("no list");
        assert_eq!(marks.detail, "uuids: 7 is not a list");
        assert_eq!(of_submission("7").detail, "the body: 7 is not an object");
    }

    #[test]
    fn what_is_no_json_says_where() {
        let state = |body: &str| parse_own_payload(body.as_bytes(), 1000).expect_err(body).detail;
        assert_eq!(state("{"), "the body is no JSON: it ends within an object, at line 1, column 1");
        assert_eq!(state(r#"{"role": }"#), "the body is no JSON: a value is expected at line 1, column 10");
        assert_eq!(state("1 2"), "the body is no JSON: something follows its end at line 1, column 3");
        assert_eq!(state("nux"), "the body is no JSON: neither true, false nor null at line 1, column 3");
        assert!(state("\"\\ud800\"").contains("half of a surrogate pair"), "{}", state("\"\\ud800\""));
    }
}
