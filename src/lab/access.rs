//! How the nodes of a network are reached where not everyone may: their tokens, and the folder of their certificates.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::certificates::CertificateName;
use super::{LabError, certificates};

/// How long the certificates of a network on one machine last.
const DAYS: u32 = 365;

/// What the nodes of a network ask of whoever calls them; only names of files, never what is in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAccess {
    /// The file of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The folder of certificates; see `gossip certificates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
}

impl NetworkAccess {
    /// Makes the certificates that these nodes lack.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn provide(&self, nodes: impl Iterator<Item = CertificateName>) -> Result<(), LabError> {
        match &self.certificates {
            Some(folder) => certificates::provide(folder, nodes, DAYS),
            None => Ok(()),
        }
    }

    /// The flags of the node whose certificate has this name.
    pub(super) fn node_flags(&self, name: &CertificateName) -> Vec<String> {
        let flag = |name: &str, file: PathBuf| format!("--{name}={}", file.display());
        let mut flags: Vec<String> = self.token_file.iter().map(|file| flag("token-file", file.clone())).collect();
        if let Some(folder) = &self.certificates {
            let (certificate, key) = name.files(folder);
            flags.push(flag("tls-cert", certificate));
            flags.push(flag("tls-key", key));
            flags.push(flag("tls-ca", folder.join("ca.pem")));
        }
        flags
    }

    /// The certificate of the authority, and that of the command line with its key.
    pub fn client_files(&self) -> Option<(PathBuf, PathBuf, PathBuf)> {
        let file = |folder: &Path, name: &str| folder.join(name);
        let folder = self.certificates.as_deref()?;
        let client = certificates::CLIENT;
        Some((
            file(folder, "ca.pem"),
            file(folder, &format!("{client}.pem")),
            file(folder, &format!("{client}-key.pem")),
        ))
    }
}
