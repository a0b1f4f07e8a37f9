//! The list of favourite books.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

/// The list that stands in the repository.
const EMBEDDED: &str = include_str!("../../books.txt");

/// Longest line that is taken for a title: several times the longest real one.
const MAX_TITLE: usize = 1_000;

/// Reads a list, one book a line; without a file the embedded one.
///
/// # Errors
/// When the file cannot be read, is not UTF-8, has no book, or a line that is too long.
pub fn read(file: Option<&Path>) -> anyhow::Result<Arc<[String]>> {
    let Some(file) = file else { return parse(EMBEDDED) };
    let bytes = std::fs::read(file).with_context(|| format!("--books {}: cannot be read", file.display()))?;
    let text = String::from_utf8(bytes).with_context(|| format!("--books {}: is not UTF-8", file.display()))?;
    parse(&text).with_context(|| format!("--books {}", file.display()))
}

fn parse(text: &str) -> anyhow::Result<Arc<[String]>> {
    let mut books = Vec::new();
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let title = line.trim();
        if title.len() > MAX_TITLE {
            bail!("line {} is longer than {MAX_TITLE} bytes", i + 1);
        }
        if !title.is_empty() {
            books.push(title.to_owned());
        }
    }
    if books.is_empty() {
        bail!("holds no book: it needs at least one line with a title");
    }
    Ok(books.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_embedded_list_is_rich_and_clean() {
        let books = read(None).unwrap();
        let distinct: BTreeSet<String> = books.iter().map(|book| book.to_lowercase()).collect();
        assert!(books.len() >= 500 && distinct.len() == books.len());
        assert!(books.iter().all(|book| book.contains(" by ") && !book.chars().any(char::is_control)));
        assert!(books.iter().filter(|book| !book.is_ascii()).count() >= 20);
    }

    #[test]
    fn empty_and_broken_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("books.txt");
        for (content, complaint) in [(&b"\n  \n"[..], "holds no book"), (&b"\xff\xfe"[..], "is not UTF-8")] {
            std::fs::write(&file, content).unwrap();
            assert!(format!("{:#}", read(Some(&file)).unwrap_err()).contains(complaint));
        }
        assert!(format!("{:#}", read(Some(&dir.path().join("none"))).unwrap_err()).contains("cannot be read"));
        std::fs::write(&file, "\u{feff}One by A\r\n\r\n Two by B \n").unwrap();
        assert_eq!(&*read(Some(&file)).unwrap(), ["One by A", "Two by B"]);
    }
}
