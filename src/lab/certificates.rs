//! Certificates for a test or a small installation: an authority of one's own, and what it signs.
//!
//! A folder holds `ca.pem` with `ca-key.pem`, for each node `NODE.pem` with `NODE-key.pem`, and `client.pem` with its key for the
//! command line. The authority is made once and signs all later ones, so a node can be added, or its certificate renewed, without
//! touching the others. Keys can be read by their owner only. Whoever has `ca-key.pem` can make members: keep it off the nodes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

use super::LabError;
use crate::protocol::NodeId;

/// How long the authority lasts: longer than any certificate that it signs.
const CA_DAYS: u32 = 3_650;

/// Certificates begin this much earlier, as clocks differ.
const CLOCK_SLACK: Duration = Duration::from_secs(3_600);

/// The name of the command line's certificate.
pub const CLIENT: &str = "client";

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateName {
    /// The name of its files, without ending.
    stem: String,
    /// Names and addresses at which it is reached; none for a client.
    hosts: Vec<String>,
}

impl CertificateName {
    /// A node of this machine.
    pub fn of_port(port: u16) -> CertificateName {
        CertificateName { stem: port.to_string(), hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()] }
    }

    /// A container, which is reached by its name there and by way of this machine.
    pub fn of_container(name: String) -> CertificateName {
        let hosts = vec![name.clone(), "localhost".to_owned(), "127.0.0.1".to_owned()];
        CertificateName { stem: name, hosts }
    }

    fn client() -> CertificateName {
        CertificateName { stem: CLIENT.to_owned(), hosts: Vec::new() }
    }

    /// The certificate and its key in this folder.
    pub(super) fn files(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let stem = &self.stem;
        (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}-key.pem")))
    }
}

impl FromStr for CertificateName {
    type Err = String;

    /// A node's id, a port or host:port, or a host.
    fn from_str(text: &str) -> Result<CertificateName, String> {
        let id = NodeId::parse(text).or_else(|error| {
            // A host alone will do, as certificates know no ports; a number alone is a port that is none.
            let named = text.bytes().any(|b| !b.is_ascii_digit());
            let host = NodeId::parse(&format!("{text}:1")).ok().filter(|id| named && *id != NodeId::Port(1));
            host.ok_or_else(|| error.to_string())
        })?;
        match id {
            NodeId::Port(port) => Ok(CertificateName::of_port(port)),
            NodeId::Host(address) => {
                let host = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let stem = text.to_ascii_lowercase().replace(['[', ']'], "").replace(':', "_");
                if stem == "ca" || stem == CLIENT || stem.ends_with("-key") {
                    return Err(format!("{text}: {stem}.pem is the name of another file"));
                }
                Ok(CertificateName { stem, hosts: vec![host] })
            }
        }
    }
}

/// A file that was made.
#[derive(Clone, Debug)]
pub struct MadeCertificate {
    /// Whom it is for.
    pub name: String,
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Until when it is valid.
    pub until: SystemTime,
}

/// Makes the authority, if there is none, a certificate for the command line, if there is none, and one for each node, valid for
/// so many days. Nothing that exists is overwritten unless `force` is set, and the authority not even then.
///
/// # Errors
/// When a node has one already, or the folder's authority cannot be used, or a file not be written.
pub fn make_certificates(
    folder: &Path,
    nodes: &[CertificateName],
    days: u32,
    force: bool,
) -> Result<Vec<MadeCertificate>, LabError> {
    if !force && let Some(taken) = nodes.iter().map(|node| node.files(folder).0).find(|file| file.exists()) {
        return Err(LabError::Certificates(format!("{} exists already; --force renews it", taken.display())));
    }
    fs::create_dir_all(folder).map_err(LabError::system(format!("make {}", folder.display())))?;
    let mut made = Vec::new();
    let issuer = authority(folder, &mut made)?;
    let client = CertificateName::client();
    let client_missing = !client.files(folder).0.exists();
    for name in nodes.iter().chain(client_missing.then_some(&client)) {
        made.push(sign(folder, name, days, &issuer)?);
    }
    Ok(made)
}

/// Makes what these nodes need and do not have yet.
///
/// # Errors
/// As [`make_certificates`].
pub(super) fn provide(folder: &Path, names: impl Iterator<Item = CertificateName>, days: u32) -> Result<(), LabError> {
    let missing: Vec<CertificateName> = names.filter(|name| !name.files(folder).0.exists()).collect();
    make_certificates(folder, &missing, days, false).map(|_| ())
}

fn authority(folder: &Path, made: &mut Vec<MadeCertificate>) -> Result<Issuer<'static, KeyPair>, LabError> {
    let (certificate, key_file) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
    let unusable =
        |file: &Path, error: &dyn std::fmt::Display| LabError::Certificates(format!("{}: {error}", file.display()));
    if certificate.exists() {
        let read = |file: &Path| fs::read_to_string(file).map_err(|error| unusable(file, &error));
        let key = KeyPair::from_pem(&read(&key_file)?).map_err(|error| unusable(&key_file, &error))?;
        return Issuer::from_ca_cert_pem(&read(&certificate)?, key).map_err(|error| unusable(&certificate, &error));
    }
    let (mut params, until) = params(Vec::new(), "gossip network authority", CA_DAYS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().map_err(refused)?;
    let signed = params.self_signed(&key).map_err(refused)?;
    write(&key_file, &key.serialize_pem(), 0o600)?;
    write(&certificate, &signed.pem(), 0o644)?;
    made.push(MadeCertificate { name: "authority".to_owned(), certificate, key: key_file, until });
    Ok(Issuer::new(params, key))
}

fn sign(
    folder: &Path,
    name: &CertificateName,
    days: u32,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<MadeCertificate, LabError> {
    let (certificate, key_file) = name.files(folder);
    let (mut params, until) = params(name.hosts.clone(), &name.stem, days)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if !name.hosts.is_empty() {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(refused)?;
    let signed = params.signed_by(&key, issuer).map_err(refused)?;
    write(&key_file, &key.serialize_pem(), 0o600)?;
    write(&certificate, &signed.pem(), 0o644)?;
    Ok(MadeCertificate { name: name.stem.clone(), certificate, key: key_file, until })
}

fn params(hosts: Vec<String>, common_name: &str, days: u32) -> Result<(CertificateParams, SystemTime), LabError> {
    let mut params = CertificateParams::new(hosts).map_err(refused)?;
    let now = SystemTime::now();
    let until = now + Duration::from_secs(u64::from(days) * 86_400);
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (moment(now - CLOCK_SLACK), moment(until));
    Ok((params, until))
}

fn moment(time: SystemTime) -> OffsetDateTime {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    // Out of range only beyond the year 9999.
    i64::try_from(seconds)
        .ok()
        .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn refused(error: rcgen::Error) -> LabError {
    LabError::Certificates(error.to_string())
}

/// Replaces a file as a whole: a node that reads it again meanwhile sees the old or the new one.
fn write(file: &Path, text: &str, mode: u32) -> Result<(), LabError> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let write = || -> io::Result<()> {
        let _ = fs::remove_file(&beside);
        let mut new = fs::File::options().write(true).create_new(true).mode(mode).open(&beside)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, file)
    };
    write().map_err(LabError::system(format!("write {}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Tls, TlsFiles};
    use std::os::unix::fs::PermissionsExt;

    fn names(texts: &[&str]) -> Vec<CertificateName> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn names_say_at_which_hosts_a_node_is_reached() {
        for (text, stem, hosts) in [
            ("7001", "7001", &["localhost", "127.0.0.1"][..]),
            ("DB1.example:7000", "db1.example_7000", &["db1.example"]),
            ("db1.example", "db1.example", &["db1.example"]),
            ("10.0.0.5:7000", "10.0.0.5_7000", &["10.0.0.5"]),
            ("[2001:db8::1]:7000", "2001_db8__1_7000", &["2001:db8::1"]),
        ] {
            let name: CertificateName = text.parse().unwrap();
            assert_eq!((name.stem.as_str(), name.hosts), (stem, hosts.iter().map(|s| (*s).to_owned()).collect()));
        }
        for wrong in ["http://x/", "../x", "a b", "", "client", "ca", "x-key", "localhost"] {
            assert!(wrong.parse::<CertificateName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_made_serves_and_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("certificates");
        let made = make_certificates(&folder, &names(&["7001", "db1.example:7000"]), 90, false).unwrap();
        assert_eq!(made.len(), 4, "{made:?}");
        for made in &made {
            assert_eq!(fs::metadata(&made.key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let tls = |stem: &str| {
            let own = (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}-key.pem")));
            Tls::load(TlsFiles { ca: folder.join("ca.pem"), own: Some(own) })
        };
        let until = tls("7001").unwrap().valid_until().unwrap();
        let left = until.duration_since(SystemTime::now()).unwrap();
        assert!(left > Duration::from_secs(89 * 86_400) && left <= Duration::from_secs(90 * 86_400));
        let before = fs::read(folder.join("7001.pem")).unwrap();
        let complaint = make_certificates(&folder, &names(&["7002", "7001"]), 90, false).unwrap_err().to_string();
        assert!(complaint.contains("7001.pem") && complaint.contains("--force"), "{complaint}");
        assert!(!folder.join("7002.pem").exists(), "refused, and made in part");
        assert_eq!(fs::read(folder.join("7001.pem")).unwrap(), before);
        let ca = fs::read(folder.join("ca.pem")).unwrap();
        make_certificates(&folder, &names(&["7002", "7001"]), 90, true).unwrap();
        assert_ne!(fs::read(folder.join("7001.pem")).unwrap(), before);
        assert_eq!(fs::read(folder.join("ca.pem")).unwrap(), ca, "a new authority would lock out all others");
        tls("7001").unwrap();
        tls("7002").unwrap();
        // A key that is not the certificate's is seen at the start.
        fs::copy(folder.join("7002-key.pem"), folder.join("7001-key.pem")).unwrap();
        assert!(tls("7001").unwrap_err().to_string().contains("does not fit"));
    }
}
