//! Why a directory cannot be used, in words for its operator, and why a write failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::protocol::NodeId;

/// Why a node cannot use its directory.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("--data-dir {path}: another process uses it")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It belongs to another node.
    #[error(
        "--data-dir {path}: it belongs to node {theirs} of cluster {their_cluster}; this is node {ours} of cluster {our_cluster}"
    )]
    OtherNode {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        theirs: NodeId,
        /// The network of that node.
        their_cluster: String,
        /// This node.
        ours: NodeId,
        /// The network of this node.
        our_cluster: String,
    },
    /// Its database was put there from elsewhere.
    #[error("--data-dir {path}: its node.redb belongs to another directory (that of node {theirs})")]
    OtherDirectory {
        /// The directory.
        path: PathBuf,
        /// Whose database it is.
        theirs: String,
    },
    /// A later version of this program wrote it.
    #[error("--data-dir {path}: it has format {found}; this program reads formats up to {known}")]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// There is no room on its disk.
    #[error("--data-dir {path}: there is no room on the disk ({error})")]
    Full {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("--data-dir {path}: cannot be written ({error})")]
    NotWritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Anything else that the system says.
    #[error("--data-dir {path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be understood, and is not the database, which would be set aside.
    #[error("--data-dir {path}: {what}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl OpenError {
    /// What the system says about a file or directory.
    pub(super) fn io(path: &Path, error: io::Error) -> OpenError {
        let path = path.to_owned();
        match error.kind() {
            _ if is_full(&error) => OpenError::Full { path, error },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory => {
                OpenError::NotWritable { path, error }
            }
            _ => OpenError::Io { path, error },
        }
    }

    /// What is wrong with the database of a directory.
    pub(super) fn of(path: &Path, error: StoreError) -> OpenError {
        match error {
            StoreError::Io(error) => OpenError::io(path, error),
            StoreError::InUse => OpenError::InUse { path: path.to_owned() },
            StoreError::Newer(found) => OpenError::NewerFormat { path: path.to_owned(), found, known: super::FORMAT },
            StoreError::OtherDirectory(theirs) => OpenError::OtherDirectory { path: path.to_owned(), theirs },
            StoreError::Damaged(what) => OpenError::Unreadable { path: path.to_owned(), what },
        }
    }
}

/// Why the database could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{0}")]
    Io(io::Error),
    #[error("another process uses it")]
    InUse,
    #[error("format {0} is not known")]
    Newer(u32),
    #[error("it belongs to {0}")]
    OtherDirectory(String),
    #[error("{0}")]
    Damaged(String),
}

impl StoreError {
    /// Whether the disk is full: there may be room again.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, StoreError::Io(error) if is_full(error))
    }
}

/// The disk, the user's share of it, or the file's limit is used up.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        StoreError::Io(error)
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> StoreError {
        match error {
            // What a truncated or overwritten file looks like to its reader.
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
                ) =>
            {
                StoreError::Damaged(error.to_string())
            }
            redb::Error::Io(error) => StoreError::Io(error),
            redb::Error::DatabaseAlreadyOpen => StoreError::InUse,
            other => StoreError::Damaged(other.to_string()),
        }
    }
}

macro_rules! through_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> StoreError {
                redb::Error::from(error).into()
            }
        }
    )*};
}

through_redb!(
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);
