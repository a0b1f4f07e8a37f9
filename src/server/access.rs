//! Flags that say who may take part: tokens, certificates, keys of origins.
//!
//! Two stages as in `settings.rs`: what was typed ([`AccessArguments`]), and what it means ([`AccessSettings`]), with all files
//! read once so that a wrong one is a clear error at the start. They are read again on SIGHUP; see `reload.rs`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::FalseyValueParser;

use super::key_files;
use crate::http::{Tls, TlsError, TlsFiles, TokenError, Tokens, exposed_mode};
use crate::protocol::{AllowedKeys, NodeId, OriginKey};

/// Who may take part, as typed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AccessArguments {
    /// File of tokens, one a line: without one of them nothing can be changed. The first is shown to other nodes.
    #[arg(long, env = "GOSSIP_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// File of tokens that allow reading; then nothing can be read without one of either file. Needs --token-file.
    #[arg(long, env = "GOSSIP_READ_TOKEN_FILE", value_name = "FILE", requires = "token_file")]
    pub read_token_file: Option<PathBuf>,

    /// This node's certificate with its chain, PEM: HTTPS for all, and certificates among nodes.
    #[arg(long, env = "GOSSIP_TLS_CERT", value_name = "FILE", requires_all = ["tls_key", "tls_ca"])]
    pub tls_cert: Option<PathBuf>,

    /// The key of this node's certificate, PEM.
    #[arg(long, env = "GOSSIP_TLS_KEY", value_name = "FILE", requires_all = ["tls_cert", "tls_ca"])]
    pub tls_key: Option<PathBuf>,

    /// Certificates of the authority that nodes must have theirs from, PEM.
    #[arg(long, env = "GOSSIP_TLS_CA", value_name = "FILE", requires_all = ["tls_cert", "tls_key"])]
    pub tls_ca: Option<PathBuf>,

    /// Signs what this node says, so that nobody else can speak for it. Needs a key that is kept: --data-dir or --key-file.
    #[arg(long, env = "GOSSIP_SIGN", value_parser = FalseyValueParser::new())]
    pub sign: bool,

    /// File of this node's key (Ed25519, PKCS#8 in PEM); it is made if it does not exist. Needs --sign [default: `key` in the data directory].
    #[arg(long, env = "GOSSIP_KEY_FILE", value_name = "FILE", requires = "sign")]
    pub key_file: Option<PathBuf>,

    /// File of the only nodes whose word counts, one a line: ID KEY. Without it the key first seen of a node counts.
    #[arg(long, env = "GOSSIP_ALLOWED_KEYS", value_name = "FILE")]
    pub allowed_keys: Option<PathBuf>,
}

/// Who may take part.
#[derive(Clone, Debug, Default)]
pub struct AccessSettings {
    /// Where the tokens come from.
    pub token_file: Option<PathBuf>,
    /// The tokens.
    pub tokens: Option<Tokens>,
    /// Where those for reading come from.
    pub read_token_file: Option<PathBuf>,
    /// Those for reading.
    pub read_tokens: Option<Tokens>,
    /// The certificates.
    pub tls: Option<Arc<Tls>>,
    /// The key that signs.
    pub key: Option<OriginKey>,
    /// Where the allowed keys come from.
    pub allowed_keys_file: Option<PathBuf>,
    /// The allowed keys.
    pub allowed_keys: Option<AllowedKeys>,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Flags about access that cannot be meant, or name files that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A token file.
    #[error("--{flag} {error}")]
    Token {
        /// Which flag.
        flag: &'static str,
        /// Why.
        error: TokenError,
    },
    /// A file of certificates or keys.
    #[error("--tls-cert, --tls-key, --tls-ca: {0}")]
    Tls(#[from] TlsError),
    /// Signing without a key that lasts.
    #[error(
        "--sign needs --data-dir or --key-file: other nodes remember the first key they see of this node, so that a key made anew at each \
         start would lock it out"
    )]
    NoKeyFile,
    /// A file of keys.
    #[error("{0}")]
    Keys(#[from] key_files::KeyFileError),
}

impl AccessArguments {
    /// Reads all files.
    ///
    /// # Errors
    /// The flag or file that cannot be used, and why.
    pub fn check(self, listens_on: IpAddr, data_dir: Option<&Path>) -> Result<AccessSettings, AccessError> {
        let mut warnings = Vec::new();
        let tokens = read_tokens("token-file", self.token_file.as_deref(), &mut warnings)?;
        let read_tokens = read_tokens("read-token-file", self.read_token_file.as_deref(), &mut warnings)?;
        let tls = match (self.tls_cert, self.tls_key, self.tls_ca) {
            (Some(certificate), Some(key), Some(ca)) => {
                warn_if_exposed("tls-key", &key, &mut warnings);
                Some(Tls::load(TlsFiles { ca, own: Some((certificate, key)) })?)
            }
            // The parser lets them only come together.
            _ => None,
        };
        let key = match place_of_key(self.sign, self.key_file, data_dir)? {
            Some(file) => {
                let key = key_files::read_or_make(&file)?;
                warn_if_exposed("key-file", &file, &mut warnings);
                Some(key)
            }
            None => None,
        };
        let allowed_keys = self.allowed_keys.as_deref().map(key_files::read_allowed).transpose()?;
        warnings.extend(warning_of_open_door(listens_on, tls.is_some(), tokens.is_some()));
        Ok(AccessSettings {
            token_file: self.token_file,
            tokens,
            read_token_file: self.read_token_file,
            read_tokens,
            tls,
            key,
            allowed_keys_file: self.allowed_keys,
            allowed_keys,
            warnings,
        })
    }
}

impl AccessSettings {
    /// Whether only nodes of our own kind can take part: the other dialect knows neither tokens nor certificates nor
    /// signatures.
    pub fn closes_dialect(&self) -> bool {
        self.tokens.is_some() || self.tls.is_some() || self.key.is_some() || self.allowed_keys.is_some()
    }

    /// What the others would refuse of a node of this id, as far as it can be seen from here.
    pub(super) fn warnings_about(&self, id: &NodeId) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(tls) = &self.tls
            && !tls.names(id)
        {
            warnings.push(format!("--tls-cert does not name {}: nodes that call this one refuse it", id.address()));
        }
        let own = self.key.as_ref().map(OriginKey::public);
        match self.allowed_keys.as_ref().map(|keys| keys.get(id)) {
            Some(None) => warnings.push(format!(
                "--allowed-keys has no key for {id}, this node's own id: nodes with that list take nothing from it"
            )),
            Some(Some(key)) if own.as_ref() != Some(key) => {
                let instead = own.map_or("and it does not sign (--sign)".to_owned(), |own| format!("its own is {own}"));
                warnings.push(format!(
                    "--allowed-keys says {key} for {id}, this node's own id, {instead}: nodes with that list take nothing from it"
                ));
            }
            Some(Some(_)) | None => {}
        }
        warnings
    }
}

/// Where the key of a node with this data directory is kept, unless it is told otherwise.
pub(super) fn key_in(folder: &Path) -> PathBuf {
    folder.join("key")
}

/// Where the key that signs is kept; `None` if nothing is signed. A folder of this node's own data is one more place that
/// lasts: a node that has one keeps its key there, as `key`, unless `--key-file` names another.
fn place_of_key(
    sign: bool,
    key_file: Option<PathBuf>,
    data_dir: Option<&Path>,
) -> Result<Option<PathBuf>, AccessError> {
    match (sign, key_file) {
        (false, _) => Ok(None),
        (true, Some(file)) => Ok(Some(file)),
        (true, None) => data_dir.map(|folder| Some(key_in(folder))).ok_or(AccessError::NoKeyFile),
    }
}

fn read_tokens(
    flag: &'static str,
    file: Option<&Path>,
    warnings: &mut Vec<String>,
) -> Result<Option<Tokens>, AccessError> {
    let Some(file) = file else { return Ok(None) };
    let tokens = Tokens::read(file).map_err(|error| AccessError::Token { flag, error })?;
    warn_if_exposed(flag, file, warnings);
    Ok(Some(tokens))
}

fn warn_if_exposed(flag: &str, file: &Path, warnings: &mut Vec<String>) {
    if let Some(mode) = exposed_mode(file) {
        let file = file.display();
        warnings.push(format!("--{flag} {file}: others than its owner may use it (mode {mode:03o}): chmod 600 {file}"));
    }
}

fn warning_of_open_door(listens_on: IpAddr, tls: bool, token: bool) -> Option<String> {
    let (what, flags) = match (tls, token) {
        (true, true) => return None,
        (false, true) => {
            ("without TLS, so that tokens and all else can be read on the way", "--tls-cert, --tls-key, --tls-ca")
        }
        (true, false) => {
            ("without token, so that whoever reaches it can set its state and submit messages", "--token-file")
        }
        (false, false) => ("without TLS or token, so that whoever reaches it can read and change everything", ""),
    };
    let both = "see --tls-cert (with --tls-key and --tls-ca) and --token-file";
    let missing = if flags.is_empty() { String::new() } else { format!("; missing is {flags}") };
    (!listens_on.is_loopback()).then(|| format!("listening on {listens_on} {what}: {both}{missing}"))
}
