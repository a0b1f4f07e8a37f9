//! The plain list of links: two node numbers on each line.
//!
//! The numbers are apart by blanks, a comma or `--`; a semicolon may end the
//! line; `#` or `//` starts a comment; empty lines are skipped. Nothing else is
//! understood, so that a slip is reported with its line and not guessed at.
//!
//! What the links amount to is checked in `graph_file`.

use super::graph_file::{GraphFileError, Links, node_number, shorten};

/// Reads the links of `text` into `links`.
pub(super) fn read(text: &str, links: &mut Links) -> Result<(), GraphFileError> {
    for (line, whole) in (1..).zip(text.lines()) {
        let end = [whole.find('#'), whole.find("//")];
        let end = end.into_iter().flatten().min().unwrap_or(whole.len());
        let content = whole[..end].trim().trim_end_matches(';');
        if content.is_empty() {
            continue;
        }
        if content.contains("->") {
            return Err(GraphFileError::Directed { line });
        }
        let mut words = content
            .split("--")
            .flat_map(|piece| piece.split(|c: char| c == ',' || c.is_whitespace()))
            .filter(|word| !word.is_empty());
        let (Some(first), Some(second), None) = (words.next(), words.next(), words.next()) else {
            return Err(GraphFileError::Syntax {
                line,
                expected: "two node numbers, as in \"1 2\"",
                found: format!("{:?}", shorten(content)),
            });
        };
        links.link(line, node_number(line, first)?, node_number(line, second)?)?;
    }
    Ok(())
}
