//! The words of the dot language: names, quoted texts and punctuation.
//!
//! Blanks and comments (`//`, `/* */`, `#`) are skipped here, so that the
//! reader in `dot` sees only what has a meaning. Each word knows its line.
//!
//! This file knows nothing of graphs: whether a name is a node, and whether
//! it may stand where it stands, is decided by the reader.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::CharIndices;

use super::super::graph_file::{GraphFileError, shorten};

/// A word and the line, from 1, on which it starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) line: usize,
    pub(super) kind: Kind<'t>,
}

/// What a word is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// A bare name or number.
    Name(&'t str),
    /// A text in double quotes, without them.
    Quoted(Cow<'t, str>),
    /// A text in angle brackets.
    Html,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Semicolon,
    Comma,
    Colon,
    Equals,
    /// `--`
    Dashes,
    /// `->`
    Arrow,
    /// Behind the last word; it comes again however often it is asked for.
    End,
}

impl Kind<'_> {
    /// The text of a name or of a quoted text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Kind::Name(text) => Some(text),
            Kind::Quoted(text) => Some(text),
            _ => None,
        }
    }

    /// The word as an error message shows it.
    pub(super) fn description(&self) -> String {
        let sign = match self {
            Kind::Name(text) => return format!("{:?}", shorten(text)),
            Kind::Quoted(text) => return format!("the text {:?}", shorten(text)),
            Kind::Html => return "a text in angle brackets".to_owned(),
            Kind::End => return "the end of the file".to_owned(),
            Kind::OpenBrace => "{",
            Kind::CloseBrace => "}",
            Kind::OpenBracket => "[",
            Kind::CloseBracket => "]",
            Kind::Semicolon => ";",
            Kind::Comma => ",",
            Kind::Colon => ":",
            Kind::Equals => "=",
            Kind::Dashes => "--",
            Kind::Arrow => "->",
        };
        format!("{sign:?}")
    }
}

/// The words of a text, one after the other.
#[derive(Debug)]
pub(super) struct Words<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    line: usize,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, chars: text.char_indices().peekable(), line: 1 }
    }

    /// The next word, or [`Kind::End`].
    pub(super) fn next(&mut self) -> Result<Word<'t>, GraphFileError> {
        self.skip_blanks()?;
        let line = self.line;
        let Some((start, first)) = self.step() else {
            return Ok(Word { line, kind: Kind::End });
        };
        let kind = match first {
            '{' => Kind::OpenBrace,
            '}' => Kind::CloseBrace,
            '[' => Kind::OpenBracket,
            ']' => Kind::CloseBracket,
            ';' => Kind::Semicolon,
            ',' => Kind::Comma,
            ':' => Kind::Colon,
            '=' => Kind::Equals,
            '"' => self.quoted(start + 1, line)?,
            '<' => self.html(line)?,
            '-' if self.peek() == Some('-') => {
                self.step();
                Kind::Dashes
            }
            '-' if self.peek() == Some('>') => {
                self.step();
                Kind::Arrow
            }
            c if c == '-' || is_name(c) => {
                while self.peek().is_some_and(is_name) {
                    self.step();
                }
                Kind::Name(&self.text[start..self.position()])
            }
            c => {
                return Err(GraphFileError::Syntax {
                    line,
                    expected: "a node, a setting or \"}\"",
                    found: format!("{:?}", c.to_string()),
                });
            }
        };
        Ok(Word { line, kind })
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|&(_, c)| c)
    }

    /// Where the next character starts, in bytes.
    fn position(&mut self) -> usize {
        let end = self.text.len();
        self.chars.peek().map_or(end, |&(at, _)| at)
    }

    fn step(&mut self) -> Option<(usize, char)> {
        let step = self.chars.next();
        if let Some((_, '\n')) = step {
            self.line += 1;
        }
        step
    }

    /// Skips blanks and comments.
    fn skip_blanks(&mut self) -> Result<(), GraphFileError> {
        while let Some(c) = self.peek() {
            let rest = &self.text[self.position()..];
            if c.is_whitespace() {
                self.step();
            } else if c == '#' || rest.starts_with("//") {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.step();
                }
            } else if rest.starts_with("/*") {
                self.skip_block()?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Skips from the opening `/*` behind the closing `*/`.
    fn skip_block(&mut self) -> Result<(), GraphFileError> {
        let line = self.line;
        let start = self.position();
        let Some(length) = self.text[start + 2..].find("*/") else {
            return Err(GraphFileError::Unended { line, what: "a comment" });
        };
        let end = start + 2 + length + 2;
        while self.position() < end {
            self.step();
        }
        Ok(())
    }

    /// The rest of a text whose opening quote was before `start`.
    fn quoted(&mut self, start: usize, line: usize) -> Result<Kind<'t>, GraphFileError> {
        let mut escaped = false;
        while let Some((at, c)) = self.step() {
            match c {
                '"' if !escaped => {
                    let inside = &self.text[start..at];
                    return Ok(Kind::Quoted(if inside.contains("\\\"") {
                        Cow::Owned(inside.replace("\\\"", "\""))
                    } else {
                        Cow::Borrowed(inside)
                    }));
                }
                _ => escaped = c == '\\' && !escaped,
            }
        }
        Err(GraphFileError::Unended { line, what: "a text in quotes" })
    }

    /// The rest of a text in angle brackets, which may nest.
    fn html(&mut self, line: usize) -> Result<Kind<'t>, GraphFileError> {
        let mut depth = 1usize;
        while let Some((_, c)) = self.step() {
            match c {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(Kind::Html);
            }
        }
        Err(GraphFileError::Unended { line, what: "a text in angle brackets" })
    }
}

/// Whether `c` may be part of a bare name or number.
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.' || (!c.is_ascii() && !c.is_whitespace())
}
