//! Tokens and certificates of the command line: the flags, and the connections that they make.
//!
//! What is given by flag or environment goes to whichever node is asked. What a network was started with is used for its own
//! nodes only: a token must not go to a stranger because somebody typed another address.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output::say;
use crate::client::{Caller, Client, Tls, TlsFiles, Tokens, exposed_mode};
use crate::lab::NetworkAccess;

/// The flags that say what nodes are shown.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AccessFlags {
    /// File of tokens; the first is shown to the nodes [default: that of the network].
    #[arg(long, global = true, env = "GOSSIP_TOKEN_FILE", value_name = "FILE", help_heading = "For all commands")]
    pub token_file: Option<PathBuf>,

    /// Certificates of the nodes' authority, PEM: speaks HTTPS [default: that of the network].
    #[arg(long, global = true, env = "GOSSIP_TLS_CA", value_name = "FILE", help_heading = "For all commands")]
    pub tls_ca: Option<PathBuf>,

    /// A certificate of one's own, PEM; no command needs one.
    #[arg(long, global = true, env = "GOSSIP_TLS_CERT", value_name = "FILE", help_heading = "For all commands")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate, PEM.
    #[arg(long, global = true, env = "GOSSIP_TLS_KEY", value_name = "FILE", help_heading = "For all commands")]
    pub tls_key: Option<PathBuf>,
}

impl AccessFlags {
    /// Connections to any node.
    pub fn caller(&self) -> Result<Caller, Failure> {
        self.caller_within(&NetworkAccess::default())
    }

    /// Connections to the nodes of a network that was started with `access`.
    pub fn caller_within(&self, access: &NetworkAccess) -> Result<Caller, Failure> {
        let tls = match (self.tls_files()?, access.client_files()) {
            (Some(files), _) => Some(files),
            (None, Some((ca, certificate, key))) => Some(TlsFiles { ca, own: Some((certificate, key)) }),
            (None, None) => None,
        };
        let failed = |error: &dyn std::fmt::Display| Failure::No(format!("TLS: {error}"));
        let tls = tls.map(Tls::load).transpose().map_err(|error| failed(&error))?;
        let config = tls.as_ref().map(Tls::client_config).transpose().map_err(|error| failed(&error))?;
        let http = Client::over(config);
        if let Some(file) = self.token_file.as_deref().or(access.token_file.as_deref()) {
            http.set_token(Some(&read(file)?.to_send()));
        }
        Ok(Caller::over(http))
    }

    fn tls_files(&self) -> Result<Option<TlsFiles>, Failure> {
        let own = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) => return Err(Failure::Usage("--tls-cert needs --tls-key".to_owned())),
            (None, Some(_)) => return Err(Failure::Usage("--tls-key needs --tls-cert".to_owned())),
        };
        match (&self.tls_ca, own) {
            (Some(ca), own) => Ok(Some(TlsFiles { ca: ca.clone(), own })),
            (None, Some(_)) => Err(Failure::Usage("--tls-cert needs --tls-ca".to_owned())),
            (None, None) => Ok(None),
        }
    }
}

fn read(file: &Path) -> Result<Tokens, Failure> {
    if let Some(mode) = exposed_mode(file) {
        let file = file.display();
        say(&format!("warning: {file}: others than its owner may use it (mode {mode:03o}): chmod 600 {file}"));
    }
    Tokens::read(file).map_err(|error| Failure::No(format!("--token-file {error}")))
}
