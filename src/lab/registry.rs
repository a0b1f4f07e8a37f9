//! Where the networks of this user are written down, one folder each.
//!
//! `NAME/network.json` is replaced as a whole (written beside it and renamed), so that a reader sees the old or the new
//! one and never half of it. Whoever changes a network holds `NAME/lock` meanwhile; readers need no lock. The logs of the
//! nodes lie beside it and stay when the network is gone; what the nodes keep is in `NAME/data` and goes with it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::{LabError, Launcher, NetworkName, NetworkRecord};

/// The file among the nodes' directories that says that they were kept on purpose.
const KEPT: &str = "kept";

/// The folder that holds a folder per network.
#[derive(Clone, Debug)]
pub struct Registry {
    root: PathBuf,
    /// Called with what the person at the terminal should know.
    tell: fn(&str),
}

/// The right to change a network, given back when dropped.
#[derive(Debug)]
pub struct NetworkLock {
    _file: File,
}

impl Registry {
    /// The environment variable that puts the registry elsewhere.
    pub const HOME_VARIABLE: &'static str = "GOSSIP_HOME";

    /// The registry of this user: `$GOSSIP_HOME`, or `gossip_network` in the XDG state folder.
    ///
    /// # Errors
    /// When the user has no home folder and names none.
    pub fn of_user() -> Result<Registry, LabError> {
        if let Some(root) = std::env::var_os(Registry::HOME_VARIABLE).filter(|root| !root.is_empty()) {
            let root = std::path::absolute(root).map_err(LabError::system("use GOSSIP_HOME"))?;
            return Ok(Registry::at(root));
        }
        let folders = etcetera::base_strategy::Xdg::new()
            .map_err(|error| io::Error::other(error.to_string()))
            .map_err(LabError::system("find your home folder (GOSSIP_HOME can name another)"))?;
        let state = folders.state_dir().unwrap_or_else(|| folders.data_dir());
        Ok(Registry::at(state.join("gossip_network")))
    }

    /// A registry in any folder.
    pub fn at(root: impl Into<PathBuf>) -> Registry {
        Registry { root: root.into(), tell: |_| () }
    }

    /// The same, which calls `tell` before it waits for another command, and when it sets something aside.
    #[must_use]
    pub fn telling(self, tell: fn(&str)) -> Registry {
        Registry { tell, ..self }
    }

    /// The folder of a network.
    pub fn folder(&self, name: &NetworkName) -> PathBuf {
        self.root.join(name.as_str())
    }

    /// The log of a node.
    pub fn log_file(&self, name: &NetworkName, number: u16) -> PathBuf {
        self.folder(name).join(format!("node-{number}.log"))
    }

    /// Where a node keeps what survives a restart.
    pub fn data_folder(&self, name: &NetworkName, number: u16) -> PathBuf {
        self.data_root(name).join(format!("node-{number}"))
    }

    fn data_root(&self, name: &NetworkName) -> PathBuf {
        self.folder(name).join("data")
    }

    /// Where the log of a node is read while it runs, in words; `number` may be a `*`.
    pub fn where_logs(&self, network: &NetworkRecord, number: &str) -> String {
        match &network.launcher {
            Launcher::Processes { .. } => {
                self.folder(&network.name).join(format!("node-{number}.log")).display().to_string()
            }
            Launcher::Containers { containers } => format!("docker logs {}-{number}", containers.project),
        }
    }

    /// What is written down of a network, if anything. Containers may have been started and stopped by others since.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self, name: &NetworkName) -> Result<Option<NetworkRecord>, LabError> {
        let path = self.record_file(name);
        match fs::read(&path) {
            Ok(text) => {
                let read = serde_json::from_slice(&text).map_err(io::Error::from);
                let mut network: NetworkRecord = read.map_err(LabError::system(format!("read {}", path.display())))?;
                // The mark of a running process is always true, so that the engine is only asked where one has ended.
                let ended = network.nodes.iter().any(|node| !node.removed && !node.process.is_running());
                if let Launcher::Containers { containers } = &network.launcher
                    && ended
                {
                    network.nodes = containers.look_up(&network.nodes);
                }
                Ok(Some(network))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LabError::system(format!("read {}", path.display()))(error)),
        }
    }

    /// A network of which at least one process runs.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn load_running(&self, name: &NetworkName) -> Result<NetworkRecord, LabError> {
        let running = self.load(name)?.filter(NetworkRecord::is_running);
        running.ok_or_else(|| LabError::NotRunning { name: name.clone() })
    }

    /// Takes the right to change a network, waiting for whoever has it.
    ///
    /// # Errors
    /// When the folder cannot be made or the lock not be taken.
    pub(super) fn lock(&self, name: &NetworkName) -> Result<NetworkLock, LabError> {
        let folder = self.folder(name);
        fs::create_dir_all(&folder).map_err(LabError::system(format!("make {}", folder.display())))?;
        let path = folder.join("lock");
        let lock = || -> io::Result<File> {
            let file = File::options().create(true).append(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => (),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {
                    (self.tell)("waiting for another gossip command on this network");
                    file.lock()?;
                }
            }
            Ok(file)
        };
        let file = lock().map_err(LabError::system(format!("lock {}", path.display())))?;
        Ok(NetworkLock { _file: file })
    }

    /// Writes a network down.
    ///
    /// # Errors
    /// When it cannot be written; what was there is still there.
    pub(super) fn save(&self, _lock: &NetworkLock, network: &NetworkRecord) -> Result<(), LabError> {
        let path = self.record_file(&network.name);
        let beside = path.with_extension("json.new");
        let write = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(network)?;
            text.push(b'\n');
            let mut file = File::create(&beside)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&beside, &path)
        };
        write().map_err(LabError::system(format!("write {}", path.display())))
    }

    /// Forgets a network; its logs stay.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(super) fn forget(&self, _lock: &NetworkLock, name: &NetworkName) -> Result<(), LabError> {
        let path = self.record_file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LabError::system(format!("remove {}", path.display()))(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes the logs of an earlier network of this name, so that none is taken for a new node's.
    pub(super) fn clear_logs(&self, _lock: &NetworkLock, name: &NetworkName) {
        let Ok(entries) = fs::read_dir(self.folder(name)) else { return };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_log(path)) {
            // An old log that stays is a nuisance, no failure.
            let _ = fs::remove_file(path);
        }
    }

    /// Removes what the nodes of an earlier network of this name kept.
    ///
    /// # Errors
    /// When something of it stays.
    pub(super) fn clear_data(&self, _lock: &NetworkLock, name: &NetworkName) -> Result<(), LabError> {
        let root = self.data_root(name);
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LabError::system(format!("remove {}", root.display()))(error))
            }
            _ => Ok(()),
        }
    }

    /// Marks what the nodes of a network have on disk as kept on purpose.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub(super) fn keep_data(&self, _lock: &NetworkLock, name: &NetworkName) -> Result<(), LabError> {
        let root = self.data_root(name);
        if !root.exists() {
            return Ok(());
        }
        let mark = root.join(KEPT);
        fs::write(&mark, "").map_err(LabError::system(format!("write {}", mark.display())))
    }

    /// Takes that mark away: a network goes on with it.
    pub(super) fn use_data(&self, _lock: &NetworkLock, name: &NetworkName) {
        // A mark that stays only makes a later start ask once more.
        let _ = fs::remove_file(self.data_root(name).join(KEPT));
    }

    /// Where the data of an earlier network of this name is that was kept on purpose, if there is any.
    pub(super) fn kept_data(&self, name: &NetworkName) -> Option<PathBuf> {
        let root = self.data_root(name);
        root.join(KEPT).exists().then_some(root)
    }

    /// Sets aside what an earlier network of this name left behind that was never stopped, and says so: nobody has said that it
    /// may go.
    ///
    /// # Errors
    /// When it stays where it is.
    pub(super) fn set_data_aside(&self, _lock: &NetworkLock, name: &NetworkName) -> Result<(), LabError> {
        let root = self.data_root(name);
        if !root.exists() {
            return Ok(());
        }
        let places = (1..).map(|number: u32| self.folder(name).join(format!("data.before-{number}")));
        let Some(aside) = places.into_iter().find(|place| !place.exists()) else { return Ok(()) };
        fs::rename(&root, &aside).map_err(LabError::system(format!("set {} aside", root.display())))?;
        (self.tell)(&format!(
            "an earlier network {name} ended without stop-network; what its nodes had on disk is now in {}: to go on with it, stop this \
             network, move it to {}, and start with --keep-data",
            aside.display(),
            root.display()
        ));
        Ok(())
    }

    fn record_file(&self, name: &NetworkName) -> PathBuf {
        self.folder(name).join("network.json")
    }
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("node-") && name.ends_with(".log")
}
