//! The disk: what a node with `--data-dir` keeps over a restart, in an embedded database.
//!
//! A directory belongs to one node and is used by one process at a time:
//!
//! | file | |
//! |---|---|
//! | `lock` | held by the process that uses the directory |
//! | `identity` | JSON: format, cluster and id of the node that it belongs to, and a random name of the directory |
//! | `node.redb` | the database (redb) |
//! | `version` | 16 bytes that are overwritten in place: the highest version used while the database could not be written |
//! | `node.redb.damaged-N` | a database that could not be read, set aside |
//!
//! Other files may stand beside them (the node's key); directories and files are made for their owner only.
//!
//! [`open`] checks and reads it all; the [`Store`] that comes out takes records from the node's thread and writes them on
//! one of its own, so that the node never waits for the disk, and many records share one commit. Nothing here knows a rule
//! of the protocol: what the records mean is in `protocol/disk.rs`, and what waits for them in `net/`.

mod database;
mod directory;
mod error;
mod shape;
mod writer;

#[cfg(test)]
mod lossy;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use uuid::Uuid;

use self::database::Database;
use self::directory::Directory;
pub use self::error::OpenError;
use self::error::StoreError;
use self::shape::Shape;
pub use self::writer::{Progress, Store, Urgency};
use crate::protocol::{DiskImage, NodeId};

/// Name of the thread in which a database is opened: a panic of the database's reader there means a damaged file and must
/// not end the process.
pub const OPENER: &str = "open-store";

/// What this program writes; a directory of a newer format is refused.
pub(crate) const FORMAT: u32 = 1;

/// Whose directory it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The node's network.
    pub cluster: String,
    /// The node.
    pub id: NodeId,
}

/// A directory that was opened.
#[derive(Debug)]
pub struct Opened {
    /// What was kept; empty for a new directory.
    pub image: DiskImage,
    /// Takes what is to be kept from now on.
    pub store: Store,
    /// Where a database went that could not be read.
    pub set_aside: Option<PathBuf>,
}

/// Opens the directory of a node, making it if there is none.
///
/// `epoch_ms` is what to add to the node's clock for milliseconds since 1970; `fresh` names the directory if it is new.
/// `report` is told, on the store's own thread, how far writing has come.
///
/// # Errors
/// When it is in use, belongs to another node, is of a newer format, cannot be written, or has no room.
pub fn open(
    folder: &Path,
    owner: &Owner,
    epoch_ms: i64,
    fresh: Uuid,
    report: impl Fn(Progress) + Send + 'static,
) -> Result<Opened, OpenError> {
    let mut directory = Directory::open(folder, owner, fresh)?;
    let shape = Shape { form: owner.id.form(), epoch_ms };
    let identity = directory.identity().to_vec();
    let path = directory.database();
    if !directory.is_new() && !path.exists() {
        log::warn!("{} is gone: the node begins anew and asks its peers", path.display());
    }
    let (database, mut image, set_aside) = match open_apart(&path, &identity, shape) {
        Ok((database, image)) => (database, image, None),
        Err(StoreError::Damaged(why)) => {
            let aside = directory.set_aside()?;
            log::error!(
                "{} is damaged ({why}): it is set aside as {}, and the node begins anew",
                path.display(),
                aside.display()
            );
            let (database, image) =
                open_apart(&path, &identity, shape).map_err(|error| OpenError::of(folder, error))?;
            (database, image, Some(aside))
        }
        Err(error) => return Err(OpenError::of(folder, error)),
    };
    image.version = image.version.max(directory.spare_version());
    let reopen = {
        let path = path.clone();
        Box::new(move || Database::open(&path, &identity))
    };
    let store = Store::start(database, reopen, directory, shape, Box::new(report))
        .map_err(|error| OpenError::Io { path: folder.to_owned(), error })?;
    Ok(Opened { image, store, set_aside })
}

/// Opens and reads a database.
fn open_apart(path: &Path, identity: &[u8], shape: Shape) -> Result<(Database, DiskImage), StoreError> {
    let (path, identity) = (path.to_owned(), identity.to_vec());
    apart(move || {
        let mut database = Database::open(&path, &identity)?;
        let image = database.load_checked(shape)?;
        database.compact_if_worth_it();
        Ok((database, image))
    })
}

/// The identity that a database holds, if it can be read.
fn kept_identity(path: &Path) -> Option<Vec<u8>> {
    let path = path.to_owned();
    apart(move || Database::identity_in(&path)).ok().flatten()
}

/// Reads on a thread of its own, where a panic is no worse than any other damage.
fn apart<T: Send + 'static>(read: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    match std::thread::Builder::new().name(OPENER.to_owned()).spawn(read) {
        Ok(thread) => thread.join().unwrap_or_else(|_| Err(StoreError::Damaged("its reader gave up".to_owned()))),
        Err(error) => Err(StoreError::Io(error)),
    }
}
