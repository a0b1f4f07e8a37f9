//! A node's directory: who may use it, whose it is, and the few bytes beside the database.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::OpenError;
use super::{FORMAT, Owner};
use crate::protocol::NodeId;

/// The file of the identity is no longer than this: a cluster's name and an id are short.
const MAX_IDENTITY_BYTES: u64 = 4096;

/// Databases that could not be read, of one directory; a disk that damages more of them is to be replaced.
const MAX_SET_ASIDE: u32 = 1_000;

/// What the file `identity` holds. The database holds the same, so that neither can be taken from another directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Identity {
    format: u32,
    cluster: String,
    id: NodeId,
    name: Uuid,
}

/// A directory that this process uses.
#[derive(Debug)]
pub(super) struct Directory {
    folder: PathBuf,
    /// Held as long as the directory is used.
    _lock: File,
    identity: Vec<u8>,
    new: bool,
    version: File,
    spare_version: u64,
}

impl Directory {
    /// Opens or makes the directory of a node.
    pub(super) fn open(folder: &Path, owner: &Owner, fresh: Uuid) -> Result<Directory, OpenError> {
        if folder.exists() && !folder.is_dir() {
            return Err(OpenError::Unreadable { path: folder.to_owned(), what: "it is no directory".to_owned() });
        }
        let mut make = DirBuilder::new();
        make.recursive(true).mode(0o700).create(folder).map_err(|error| OpenError::io(folder, error))?;
        let lock = open_file(&folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(OpenError::io(folder, error)),
        }
        let (identity, new) = identify(folder, owner, fresh)?;
        let version = open_file(&folder.join("version"))?;
        let mut directory =
            Directory { folder: folder.to_owned(), _lock: lock, identity, new, version, spare_version: 0 };
        directory.spare_version = directory.read_version();
        // Its place on the disk is taken now, while there is room.
        directory.write_version(directory.spare_version).map_err(|error| OpenError::io(folder, error))?;
        sync_folder(folder).map_err(|error| OpenError::io(folder, error))?;
        Ok(directory)
    }

    /// The bytes that the database must hold as well.
    pub(super) fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// Whether it was made just now.
    pub(super) fn is_new(&self) -> bool {
        self.new
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("node.redb")
    }

    /// Gives the database another name.
    pub(super) fn set_aside(&mut self) -> Result<PathBuf, OpenError> {
        let path = self.database();
        let name = |n| self.folder.join(format!("node.redb.damaged-{n}"));
        let Some(aside) = (1..=MAX_SET_ASIDE).map(name).find(|aside| !aside.exists()) else {
            let what = format!("{MAX_SET_ASIDE} damaged databases lie beside it; remove them");
            return Err(OpenError::Unreadable { path, what });
        };
        fs::rename(&path, &aside).map_err(|error| OpenError::io(&path, error))?;
        sync_folder(&self.folder).map_err(|error| OpenError::io(&self.folder, error))?;
        Ok(aside)
    }

    /// The highest version that was used while the database could not be written, as of the start.
    pub(super) fn spare_version(&self) -> u64 {
        self.spare_version
    }

    /// Two equal numbers, so that half a write is noticed; anything else counts as none.
    fn read_version(&self) -> u64 {
        let mut bytes = [0; 16];
        if self.version.read_exact_at(&mut bytes, 0).is_err() {
            return 0;
        }
        let (first, second) = bytes.split_at(8);
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
        if number(first) == number(second) { number(first) } else { number(first).min(number(second)) }
    }

    /// Overwrites the version in place, which needs no room on the disk.
    pub(super) fn write_version(&self, version: u64) -> io::Result<()> {
        let bytes = [version.to_le_bytes(), version.to_le_bytes()].concat();
        self.version.write_all_at(&bytes, 0)?;
        self.version.sync_data()
    }
}

/// The identity of a directory, which is given one if it has none; whether it was. The database holds the same, so a file that
/// is damaged or lost is written anew from there.
fn identify(folder: &Path, owner: &Owner, fresh: Uuid) -> Result<(Vec<u8>, bool), OpenError> {
    let path = folder.join("identity");
    let failed = |error| OpenError::io(&path, error);
    let found = match File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(MAX_IDENTITY_BYTES).read_to_end(&mut bytes).map_err(failed)?;
            Some(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let damage = found.as_deref().map_or(Some("it is missing".to_owned()), damage_of);
    match (damage, found) {
        (None, Some(bytes)) => check_owner(folder, owner, bytes).map(|bytes| (bytes, false)),
        (damage, found) => {
            let why = damage.unwrap_or_default();
            let kept = super::kept_identity(&folder.join("node.redb")).filter(|kept| damage_of(kept).is_none());
            if let Some(kept) = kept {
                let bytes = check_owner(folder, owner, kept)?;
                if found.is_some() {
                    fs::rename(&path, folder.join("identity.damaged")).map_err(failed)?;
                }
                write_whole(&path, &bytes).map_err(failed)?;
                log::error!("{}: {why}; it is written anew from the database", path.display());
                return Ok((bytes, false));
            }
            if found.is_some() {
                let hint = "no database beside it says whose it is; move the directory away, and the node recovers from its peers";
                return Err(OpenError::Unreadable { path, what: format!("{why}, and {hint}") });
            }
            let new = Identity { format: FORMAT, cluster: owner.cluster.clone(), id: owner.id.clone(), name: fresh };
            let bytes = serde_json::to_vec(&new).map_err(|error| failed(error.into()))?;
            write_whole(&path, &bytes).map_err(failed)?;
            Ok((bytes, true))
        }
    }
}

/// A newer format may name other things than [`Identity`], so it is looked for first.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Why bytes are no identity, of whatever format.
fn damage_of(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Format>(bytes) {
        Err(error) => Some(error.to_string()),
        Ok(Format { format }) if format > FORMAT => None,
        Ok(_) => serde_json::from_slice::<Identity>(bytes).err().map(|error| error.to_string()),
    }
}

fn check_owner(folder: &Path, owner: &Owner, bytes: Vec<u8>) -> Result<Vec<u8>, OpenError> {
    let unreadable =
        |error: serde_json::Error| OpenError::Unreadable { path: folder.join("identity"), what: error.to_string() };
    let Format { format } = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if format > FORMAT {
        return Err(OpenError::NewerFormat { path: folder.to_owned(), found: format, known: FORMAT });
    }
    let found: Identity = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if (&found.cluster, &found.id) != (&owner.cluster, &owner.id) {
        return Err(OpenError::OtherNode {
            path: folder.to_owned(),
            theirs: found.id,
            their_cluster: found.cluster,
            ours: owner.id.clone(),
            our_cluster: owner.cluster.clone(),
        });
    }
    Ok(bytes)
}

fn open_file(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| OpenError::io(path, error))
}

/// Writes a file beside its place and renames it, so that there is never half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Nobody but its owner may read a file.
pub(super) fn owner_only(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// A name that was given to a file is on disk only when its folder is.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
