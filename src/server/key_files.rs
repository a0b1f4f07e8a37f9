//! Files of keys: this node's own, and those of the nodes whose word counts.
//!
//! A node's key is PKCS#8 in PEM (RFC 8410), as `openssl genpkey -algorithm ed25519` writes it. It is made, for its owner only,
//! when it is missing, and never written again: with another key other nodes would no longer believe this one.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use crate::net::fresh_seed;
use crate::protocol::{AllowedKeys, NodeId, OriginKey, PublicKey};

/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Largest file of allowed keys: some 65,536 nodes, as many as a table holds unless told otherwise.
const MAX_ALLOWED_FILE: u64 = 32 * 1024 * 1024;

/// Why a file of keys cannot be used. It never repeats what the file holds.
#[derive(Debug, thiserror::Error)]
#[error("--{flag} {}: {why}", file.display())]
pub struct KeyFileError {
    flag: &'static str,
    file: PathBuf,
    why: String,
}

/// Reads this node's key, or makes one.
///
/// # Errors
/// When there is a file that holds no such key, or none can be written.
pub(super) fn read_or_make(file: &Path) -> Result<OriginKey, KeyFileError> {
    let wrong = |why: String| KeyFileError { flag: "key-file", file: file.to_owned(), why };
    match std::fs::read(file) {
        Ok(text) => parse(&text).ok_or_else(|| wrong("holds no Ed25519 key as PKCS#8 in PEM".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let seed = fresh_seed().map_err(|error| wrong(error.to_string()))?;
            make(file, &seed).map_err(|error| wrong(format!("cannot be made: {error}")))?;
            Ok(OriginKey::from_seed(seed))
        }
        Err(error) => Err(wrong(format!("cannot be read: {error}"))),
    }
}

fn parse(text: &[u8]) -> Option<OriginKey> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(text).ok()?;
    let seed = der.secret_pkcs8_der().strip_prefix(&PKCS8_HEAD)?;
    Some(OriginKey::from_seed(seed.try_into().ok()?))
}

fn make(file: &Path, seed: &[u8; 32]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let text = STANDARD.encode([&PKCS8_HEAD[..], seed].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    // Written whole under another name first: a process that dies half-way must not leave half a key.
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut new = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(pem.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&beside, file)
}

/// Reads the keys of the nodes whose word counts: one a line, `ID KEY`, the key in base64.
///
/// # Errors
/// The line that is wrong.
pub(super) fn read_allowed(file: &Path) -> Result<AllowedKeys, KeyFileError> {
    let wrong = |why: String| KeyFileError { flag: "allowed-keys", file: file.to_owned(), why };
    let unreadable = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
    if std::fs::metadata(file).map_err(unreadable)?.len() > MAX_ALLOWED_FILE {
        return Err(wrong(format!("is longer than {MAX_ALLOWED_FILE} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let mut keys = BTreeMap::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let (Some(id), key) = (words.next(), words.next()) else { continue };
        let id = NodeId::parse(id).map_err(|error| wrong(format!("line {}: {error}", i + 1)))?;
        let key = key.and_then(PublicKey::parse).filter(|_| words.next().is_none());
        let key = key.ok_or_else(|| wrong(format!("line {}: expected ID KEY, the key 32 bytes in base64", i + 1)))?;
        if keys.insert(id.clone(), key).is_some() {
            return Err(wrong(format!("line {}: {id} stands in it twice", i + 1)));
        }
    }
    if keys.is_empty() {
        return Err(wrong("holds no key: nobody's word would count".to_owned()));
    }
    Ok(Arc::new(keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_missing_key_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let made = read_or_make(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&file).unwrap().public(), made.public());
        std::fs::write(&file, "hunter2").unwrap();
        let complaint = read_or_make(&file).unwrap_err().to_string();
        assert!(complaint.contains("PKCS#8") && !complaint.contains("hunter2"), "{complaint}");
        assert_eq!(std::fs::read(&file).unwrap(), b"hunter2", "a file that is no key was overwritten");
    }

    /// The example of RFC 8410, section 10.3, and its public key.
    #[test]
    fn a_key_of_another_program_is_read() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let public = parse(pem.as_bytes()).unwrap().public().to_string();
        assert_eq!(public, "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
    }

    #[test]
    fn allowed_keys_are_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("allowed");
        let key = OriginKey::from_seed([7; 32]).public();
        std::fs::write(&file, format!("# ours\n7001 {key}\ndb1.example:7000 {key} # far away\n")).unwrap();
        let keys = read_allowed(&file).unwrap();
        assert_eq!(keys.get(&NodeId::Port(7001)), Some(&key));
        assert_eq!(keys.len(), 2);
        for (content, part) in [
            (String::new(), "no key"),
            ("7001\n".to_owned(), "line 1"),
            (format!("7001 {key}\n7001 {key}\n"), "twice"),
            (format!("7001 {key} more\n"), "line 1"),
            (format!("http://x/ {key}\n"), "line 1"),
        ] {
            std::fs::write(&file, &content).unwrap();
            let complaint = read_allowed(&file).unwrap_err().to_string();
            assert!(complaint.contains(part), "{content:?}: {complaint}");
        }
    }
}
