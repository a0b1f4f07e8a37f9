//! Bearer tokens (RFC 6750): files of them, the one that is sent, and the comparison of what is offered.
//!
//! A token never leaves this file but in the header of a request: [`Secret`] shows nothing of itself, errors name the file and
//! the line, and flags take a file's name, so that no list of processes shows a token. Several tokens in one file let them be
//! rotated without a gap: all of them are accepted, the first is sent. It never decides what a token allows; `web` does.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Most tokens in one file: more than a rotation needs.
const MAX_TOKENS: usize = 64;

/// Longest token in bytes: it must fit into a header beside others.
const MAX_LENGTH: usize = 1_024;

/// Largest file that is read: all tokens at their longest, and as much again for comments.
const MAX_FILE: u64 = 2 * (MAX_TOKENS * (MAX_LENGTH + 1)) as u64;

/// A text that shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl Secret {
    /// The header that carries it; only for `http`, which sends it.
    pub(super) fn as_header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

/// Why a file holds no tokens that can be used. It never repeats what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system says no.
    #[error("{}: cannot be read: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{}: holds no token: it needs at least one line that is neither empty nor a # comment", .0.display())]
    Empty(PathBuf),
    /// A line that is no token.
    #[error("{}: line {line}: a token is 1 to {MAX_LENGTH} visible ASCII characters without blanks", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// More than a rotation needs.
    #[error("{}: holds more than {MAX_TOKENS} tokens", .0.display())]
    TooMany(PathBuf),
}

/// The tokens of one file.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Never empty.
    tokens: Vec<Secret>,
}

impl Tokens {
    /// Reads a file: one token a line, empty lines and those that begin with `#` apart.
    ///
    /// # Errors
    /// When it cannot be read, or a line is no token, or there is none.
    pub fn read(file: &Path) -> Result<Tokens, TokenError> {
        let unreadable = |error| TokenError::Unreadable { file: file.to_owned(), error };
        let length = std::fs::metadata(file).map_err(unreadable)?.len();
        if length > MAX_FILE {
            return Err(TokenError::TooMany(file.to_owned()));
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let mut tokens = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let token = line.trim();
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            if token.len() > MAX_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(TokenError::Line { file: file.to_owned(), line: i + 1 });
            }
            tokens.push(Secret(token.to_owned()));
        }
        match tokens.len() {
            0 => Err(TokenError::Empty(file.to_owned())),
            1..=MAX_TOKENS => Ok(Tokens { tokens }),
            _ => Err(TokenError::TooMany(file.to_owned())),
        }
    }

    /// The one that is sent: the first in the file.
    pub fn to_send(&self) -> Secret {
        self.tokens[0].clone()
    }

    /// Whether `offered` is one of them. It takes the same time for every wrong one: hashes of equal length are compared, and
    /// all of them.
    pub fn accept(&self, offered: &[u8]) -> bool {
        let offered = Sha256::digest(offered);
        let equal = |token: &Secret| Sha256::digest(token.0.as_bytes()).ct_eq(&offered);
        self.tokens.iter().map(equal).fold(subtle::Choice::from(0), |any, one| any | one).into()
    }
}

/// The mode of a secret file that others than its owner may read or change, such as 0o644; `None` if nobody else may, or that
/// cannot be seen.
pub fn exposed_mode(file: &Path) -> Option<u32> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(content: &str) -> Result<Tokens, TokenError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        Tokens::read(file.path())
    }

    #[test]
    fn all_are_accepted_and_the_first_is_sent() {
        let tokens = tokens("# of this spring\n\n  new-token \r\nold-token\n").unwrap();
        assert_eq!(tokens.to_send().as_header(), "Bearer new-token");
        assert!(tokens.accept(b"new-token") && tokens.accept(b"old-token"));
        for wrong in [&b""[..], b"new-toke", b"new-token ", b"# of this spring", b"new-token\nold-token"] {
            assert!(!tokens.accept(wrong));
        }
    }

    #[test]
    fn a_wrong_file_is_refused_and_never_repeated() {
        let many = "x\n".repeat(MAX_TOKENS + 1);
        for (content, part) in [
            ("", "holds no token"),
            ("# only this\n\n", "holds no token"),
            ("good\nhunter2 hunter2\n", "line 2"),
            ("hunter2\u{e9}\n", "line 1"),
            (many.as_str(), "more than 64"),
        ] {
            let complaint = tokens(content).unwrap_err().to_string();
            assert!(complaint.contains(part) && !complaint.contains("hunter2"), "{complaint}");
        }
        assert!(Tokens::read(Path::new("/does/not/exist")).unwrap_err().to_string().contains("/does/not/exist"));
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let shown = format!("{:?}", tokens("hunter2\n").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_file_that_others_may_read_is_seen() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, exposed) in [(0o600, None), (0o400, None), (0o640, Some(0o640)), (0o604, Some(0o604))] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed_mode(file.path()), exposed);
        }
    }
}
