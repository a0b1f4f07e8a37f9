//! The server program: where it is, and how a detached process of it is started.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{LabError, ProcessMark};

/// The environment variable that names the folder of the programs.
pub const FOLDER_VARIABLE: &str = "GOSSIP_BIN_DIR";

/// Settings of the server's environment that belong to one node and must not reach all of them.
const SINGLE_NODE_VARIABLES: [&str; 11] = [
    "GOSSIP_SEED",
    "GOSSIP_PEER",
    "GOSSIP_BIND",
    "GOSSIP_ADVERTISE",
    "GOSSIP_PORT",
    "GOSSIP_DATA_DIR",
    "GOSSIP_KEY_FILE",
    // These are the command line's own as well; a network's nodes are told theirs by flags.
    "GOSSIP_TOKEN_FILE",
    "GOSSIP_TLS_CERT",
    "GOSSIP_TLS_KEY",
    "GOSSIP_TLS_CA",
];

/// How much of the end of a log an error shows.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 12;

/// Finds `gossip_server`: in `$GOSSIP_BIN_DIR`, else beside this program.
///
/// # Errors
/// When it is not there.
pub(super) fn find_server() -> Result<PathBuf, LabError> {
    let folder = match std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
        Some(folder) => std::path::absolute(folder).map_err(LabError::system("use GOSSIP_BIN_DIR"))?,
        None => {
            let own = std::env::current_exe().map_err(LabError::system("find this program"))?;
            own.parent().map(Path::to_owned).unwrap_or_default()
        }
    };
    let program = folder.join(format!("gossip_server{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() { Ok(program) } else { Err(LabError::NoServer(program)) }
}

/// Starts a server that lives on when this command ends: in a process group of its own, so that no Ctrl-C of this
/// terminal reaches it, reading nothing and writing to its log only.
///
/// # Errors
/// When the log cannot be opened or the process not be started.
pub(super) fn start(program: &Path, args: &[impl AsRef<OsStr>], log: &Path) -> Result<ProcessMark, LabError> {
    let open = || -> std::io::Result<(File, File)> {
        let file = File::options().create(true).append(true).open(log)?;
        Ok((file.try_clone()?, file))
    };
    let (out, err) = open().map_err(LabError::system(format!("open {}", log.display())))?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    command.current_dir(log.parent().unwrap_or(Path::new("/")));
    for variable in SINGLE_NODE_VARIABLES {
        command.env_remove(variable);
    }
    let started: std::io::Result<Child> = command.spawn();
    let child = started.map_err(LabError::system(format!("start {}", program.display())))?;
    Ok(ProcessMark::of(child.id()))
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = fs::metadata(log)?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    match lines.len().checked_sub(TAIL_LINES) {
        _ if lines.is_empty() => "  (it is empty)".to_owned(),
        skipped => {
            let shown = &lines[skipped.unwrap_or(0)..];
            shown.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
        }
    }
}
