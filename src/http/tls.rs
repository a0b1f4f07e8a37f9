//! TLS for both sides: certificates from files, which can be read again while connections go on.
//!
//! One [`Tls`] stands behind the server's and the client's settings. They ask it at each handshake, so what was read again
//! counts from the next connection on, and those that stand are not touched. Clients always check the server; a server asks for
//! a certificate of the same authority and takes a client without one, since people come without; one of another authority ends
//! the handshake. Which requests need one is decided in `web`. Sessions are never resumed: a resumed one would skip the check.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, IpAddr, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::protocol::NodeId;

/// A certificate that is valid for less than this is worth a warning.
pub const SOON: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A name that no host has (RFC 6761, section 6.4); see [`stand_in`].
const STAND_IN: &str = ".v6.invalid";

/// Where the certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities that are trusted, PEM.
    pub ca: PathBuf,
    /// This side's certificate with its chain, and its key, both PEM; a client of people's endpoints needs none.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct TlsError {
    file: PathBuf,
    why: String,
}

/// What was read last.
#[derive(Debug)]
struct Loaded {
    own: Option<Arc<CertifiedKey>>,
    until: Option<SystemTime>,
    servers: Arc<WebPkiServerVerifier>,
    clients: Arc<dyn ClientCertVerifier>,
}

/// The certificates of this process.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    loaded: RwLock<Arc<Loaded>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Which file cannot be used, and why: also when the key does not fit the certificate, or the authority did not sign it.
    pub fn load(files: TlsFiles) -> Result<Arc<Tls>, TlsError> {
        let loaded = RwLock::new(Arc::new(Loaded::read(&files)?));
        Ok(Arc::new(Tls { files, loaded }))
    }

    /// Reads the files again. Connections go on; the next handshake uses what was read.
    ///
    /// # Errors
    /// As [`Tls::load`]; then what was read before goes on counting.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = Arc::new(Loaded::read(&self.files)?);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    /// Until when this side's own certificate is valid.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.now().until
    }

    /// Whether this side's own certificate is for the host of `id`; true without one.
    pub fn names(&self, id: &NodeId) -> bool {
        let address = id.address();
        let host = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
        let Ok(name) = ServerName::try_from(host.trim_matches(['[', ']'])) else { return false };
        let loaded = self.now();
        let Some(certificate) = loaded.own.as_ref().and_then(|own| own.cert.first()) else { return true };
        ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }

    /// Settings for accepting connections.
    ///
    /// # Errors
    /// When the cryptography lacks what TLS needs, which it does not.
    pub fn server_config(self: &Arc<Tls>) -> Result<ServerConfig, Error> {
        let current = Arc::new(Current(self.clone()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(current.clone())
            .with_cert_resolver(current);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Settings for making connections.
    ///
    /// # Errors
    /// As for [`Tls::server_config`].
    pub fn client_config(self: &Arc<Tls>) -> Result<ClientConfig, Error> {
        let current = Arc::new(Current(self.clone()));
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(current.clone())
            .with_client_cert_resolver(current);
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn now(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl Loaded {
    fn read(files: &TlsFiles) -> Result<Loaded, TlsError> {
        let wrong = |file: &Path, why: String| TlsError { file: file.to_owned(), why };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.ca)? {
            roots.add(certificate).map_err(|error| wrong(&files.ca, error.to_string()))?;
        }
        let roots = Arc::new(roots);
        let servers = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider()).build();
        let servers = servers.map_err(|error| wrong(&files.ca, error.to_string()))?;
        let clients = WebPkiClientVerifier::builder_with_provider(roots, provider()).allow_unauthenticated().build();
        let clients = clients.map_err(|error| wrong(&files.ca, error.to_string()))?;
        let Some((certificate, key)) = &files.own else {
            return Ok(Loaded { own: None, until: None, servers, clients });
        };
        let chain = certificates(certificate)?;
        // A node shows one certificate to both sides, so it must be good as a client's, too.
        let unfit = |error: Error| wrong(certificate, format!("not accepted under {}: {error}", files.ca.display()));
        clients.verify_client_cert(&chain[0], &chain[1..], UnixTime::now()).map_err(unfit)?;
        let until = valid_until(&chain[0]).map_err(|why| wrong(certificate, why))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, explain(&error)))?;
        let own = CertifiedKey::from_der(chain, private, &provider());
        let own = own.map_err(|error| wrong(key, format!("does not fit {}: {error}", certificate.display())))?;
        Ok(Loaded { own: Some(Arc::new(own)), until: Some(until), servers, clients })
    }
}

/// The certificates of a PEM file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: String| TlsError { file: file.to_owned(), why };
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| wrong(explain(&error)))?;
    if found.is_empty() { Err(wrong("holds no certificate in PEM".to_owned())) } else { Ok(found) }
}

fn explain(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => format!("cannot be read: {error}"),
        Error::NoItemsFound => "holds nothing of that kind in PEM".to_owned(),
        _ => "is no PEM".to_owned(),
    }
}

fn valid_until(certificate: &CertificateDer<'_>) -> Result<SystemTime, String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Whatever was read last, as rustls asks for it.
#[derive(Debug)]
struct Current(Arc<Tls>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.now().own.clone()
    }
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.now().own.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.now().own.is_some()
    }
}

impl ServerCertVerifier for Current {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let meant = original(server_name);
        self.0.now().servers.verify_server_cert(end_entity, intermediates, &meant, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.now().servers.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.now().servers.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.now().servers.supported_verify_schemes()
    }
}

impl ClientCertVerifier for Current {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Names of authorities could change between two questions; none is a valid answer (RFC 8446, section 4.2.4).
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.now().clients.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.now().clients.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.now().clients.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.now().clients.supported_verify_schemes()
    }
}

/// The name under which an IPv6 address is called with TLS. The HTTP client takes the host of a URL, brackets included, for the
/// server's name, and no certificate is for that; so it is given a name, the address beside it, and [`original`] puts it right.
pub(super) fn stand_in(address: &str) -> Option<(String, SocketAddr)> {
    let socket: SocketAddr = address.parse().ok().filter(SocketAddr::is_ipv6)?;
    let std::net::IpAddr::V6(ip) = socket.ip() else { return None };
    Some((format!("{:032x}{STAND_IN}:{}", u128::from(ip), socket.port()), socket))
}

fn original<'a>(name: &ServerName<'a>) -> ServerName<'a> {
    let ServerName::DnsName(text) = name else { return name.clone() };
    let digits = text.as_ref().strip_suffix(STAND_IN).filter(|digits| digits.len() == 32);
    match digits.and_then(|digits| u128::from_str_radix(digits, 16).ok()) {
        Some(number) => ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V6(Ipv6Addr::from(number)))),
        None => name.clone(),
    }
}

/// What went wrong in a handshake, for people; `None` if nothing did, and the connection failed otherwise.
pub(super) fn explain_handshake(error: &std::io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is not of an authority that is trusted here".to_owned()
        }
        Error::InvalidCertificate(why) => format!("its certificate does not count: {why}"),
        Error::AlertReceived(alert) => {
            format!("it ended the handshake, as it does not take our certificate: {alert:?}")
        }
        other => format!("no TLS with it: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_handshake_is_explained() {
        let explained = |error: Error| explain_handshake(&std::io::Error::other(error)).unwrap();
        let strange = explained(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(strange.contains("authority"), "{strange}");
        let bare = explained(Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
        assert!(bare.contains("does not speak TLS"), "{bare}");
        assert_eq!(explain_handshake(&std::io::ErrorKind::ConnectionReset.into()), None);
    }

    #[test]
    fn an_ipv6_address_comes_back_from_its_stand_in() {
        let (host, socket) = stand_in("[fe80::17]:7000").unwrap();
        assert_eq!(socket, "[fe80::17]:7000".parse().unwrap());
        let name = ServerName::try_from(host.split(':').next().unwrap().to_owned()).unwrap();
        let meant = ServerName::try_from("fe80::17").unwrap();
        assert_eq!(original(&name), meant);
        let plain = ServerName::try_from("db1.example").unwrap();
        assert_eq!(original(&plain), plain);
        assert!(stand_in("127.0.0.1:7000").is_none() && stand_in("db1.example:7000").is_none());
    }

    #[test]
    fn a_file_that_does_not_do_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, none) = (folder.path().join("ca.pem"), folder.path().join("none.pem"));
        std::fs::write(&ca, "hello").unwrap();
        for (file, why) in [(&ca, "holds no certificate"), (&none, "cannot be read")] {
            let complaint = Tls::load(TlsFiles { ca: file.clone(), own: None }).unwrap_err().to_string();
            assert!(complaint.contains(&file.display().to_string()) && complaint.contains(why), "{complaint}");
        }
    }
}
