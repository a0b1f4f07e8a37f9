//! Certificates for a test or a small installation: an authority of one's own, and what it signs.
//!
//! A folder holds `ca.pem` with `ca-key.pem`, for each node `NODE.pem` with `NODE-key.pem`, and `client.pem` with its key for the
//! command line. The authority is made once and signs all later ones, so a node can be added, or its certificate renewed, without
//! touching the others. Keys can be read by their owner only. Whoever has `ca-key.pem` can make members: keep it off the nodes.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

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

    /// A node's id: a port, or host:port. A host alone is no node, and would more likely be a slip.
    fn from_str(text: &str) -> Result<CertificateName, String> {
        match NodeId::parse(text).map_err(|error| error.to_string())? {
            NodeId::Port(port) => Ok(CertificateName::of_port(port)),
            NodeId::Host(address) => {
                let host = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let stem = text.to_ascii_lowercase().replace(['[', ']'], "").replace(':', "_");
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

/// Renews the certificate of everyone who has one in this folder, the command line's as well, each for the names that it is
/// for. The authority stays: a new one would lock out all others.
///
/// # Errors
/// When the folder has no authority, or one of its certificates cannot be read or written.
pub fn renew_certificates(folder: &Path, days: u32) -> Result<Vec<MadeCertificate>, LabError> {
    if !folder.join("ca.pem").exists() {
        let detail = format!("{} has no authority (ca.pem), and so nothing to renew", folder.display());
        return Err(LabError::Certificates(detail));
    }
    let entries = fs::read_dir(folder).map_err(LabError::system(format!("read {}", folder.display())))?;
    let files = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let stems = files.filter_map(|file| Some(file.strip_suffix("-key.pem")?.to_owned())).filter(|stem| stem != "ca");
    let mut names = stems.map(|stem| named_in(folder, stem)).collect::<Result<Vec<_>, _>>()?;
    names.sort_by(|a, b| a.stem.cmp(&b.stem));
    let issuer = authority(folder, &mut Vec::new())?;
    names.iter().map(|name| sign(folder, name, days, &issuer)).collect()
}

/// Whom the certificate of this name in a folder is for.
fn named_in(folder: &Path, stem: String) -> Result<CertificateName, LabError> {
    let file = folder.join(format!("{stem}.pem"));
    let text = fs::read(&file).map_err(LabError::system(format!("read {}", file.display())))?;
    let wrong = |reason: String| LabError::Certificates(format!("{}: {reason}", file.display()));
    let (_, pem) = parse_x509_pem(&text).map_err(|error| wrong(error.to_string()))?;
    let certificate = pem.parse_x509().map_err(|error| wrong(error.to_string()))?;
    let names = certificate.subject_alternative_name().map_err(|error| wrong(error.to_string()))?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let hosts = names.filter_map(|name| match name {
        GeneralName::DNSName(host) => Some((*host).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        _ => None,
    });
    let hosts = hosts.collect();
    Ok(CertificateName { stem, hosts })
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
            ("10.0.0.5:7000", "10.0.0.5_7000", &["10.0.0.5"]),
            ("[2001:db8::1]:7000", "2001_db8__1_7000", &["2001:db8::1"]),
        ] {
            let name: CertificateName = text.parse().unwrap();
            assert_eq!((name.stem.as_str(), name.hosts), (stem, hosts.iter().map(|s| (*s).to_owned()).collect()));
        }
        for wrong in ["http://x/", "../x", "a b", "", "client", "ca", "db1.example", "localhost"] {
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
        // Everyone at once keeps the names that it had.
        let (client, node) = (fs::read(folder.join("client.pem")).unwrap(), fs::read(folder.join("7002.pem")).unwrap());
        let renewed = renew_certificates(&folder, 30).unwrap();
        let renewed: Vec<&str> = renewed.iter().map(|made| made.name.as_str()).collect();
        assert_eq!(renewed, ["7001", "7002", "client", "db1.example_7000"]);
        assert_ne!(
            (fs::read(folder.join("client.pem")).unwrap(), fs::read(folder.join("7002.pem")).unwrap()),
            (client, node)
        );
        assert_eq!(fs::read(folder.join("ca.pem")).unwrap(), ca);
        assert_eq!(named_in(&folder, "7001".to_owned()).unwrap(), CertificateName::of_port(7001));
        assert_eq!(named_in(&folder, "db1.example_7000".to_owned()).unwrap().hosts, ["db1.example"]);
        assert!(tls("7001").unwrap().valid_until().unwrap() < until);
        let empty = folder.join("empty");
        fs::create_dir(&empty).unwrap();
        assert!(renew_certificates(&empty, 30).unwrap_err().to_string().contains("nothing to renew"));
        // A key that is not the certificate's is seen at the start.
        fs::copy(folder.join("7002-key.pem"), folder.join("7001-key.pem")).unwrap();
        assert!(tls("7001").unwrap_err().to_string().contains("does not fit"));
    }
}
