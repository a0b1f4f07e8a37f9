//! A network as a Docker Compose file: a container per node, on a network of their own. Text from records, and from whose
//! the files are that they name.
//!
//! The file is of the Compose specification without a version line, and read by `docker-compose` 1.27 and later and by
//! `docker compose`. JSON strings are YAML strings, so that everything that varies is written as JSON.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::NodeRecord;

/// What every container has in common.
///
/// The program needs no rights and writes no file. Its log is bounded, as the engine's default is not.
const COMMON: &str = "\
x-node: &node
  read_only: true
  cap_drop: [ALL]
  security_opt: [\"no-new-privileges:true\"]
  stop_grace_period: 5s
  logging:
    driver: json-file
    options: {max-size: \"10m\", max-file: \"3\"}
";

/// Text of the file for these nodes. `project` names their containers and network, `title` is a comment on one line.
pub(super) fn compose_file(title: &str, project: &str, image: &str, nodes: &[NodeRecord]) -> String {
    let mut text = format!("# {}\n{COMMON}services:\n", title.replace(char::is_control, " "));
    for node in nodes {
        write_service(&mut text, project, image, node);
    }
    text.push_str(&format!("networks:\n  default:\n    name: {}\n", quoted(project)));
    text
}

/// The name of a node's service.
pub(super) fn service_name(number: u16) -> String {
    format!("node-{number}")
}

/// The name of a node's container, which is its host name on the containers' network as well.
pub(super) fn container_name(project: &str, number: u16) -> String {
    format!("{project}-{number}")
}

fn write_service(text: &mut String, project: &str, image: &str, node: &NodeRecord) {
    let port = node.port.to_string();
    let seeds = node.seeds.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]);
    let args: Vec<String> = node.args.iter().cloned().chain(seeds).collect();
    // Engines ask for the first time after one interval, and older ones know no shorter one for the start. The check speaks as the node does, and knows its settings from flags only.
    let tls = args.iter().filter(|arg| arg.starts_with("--tls-")).cloned();
    let health = ["CMD", "/gossip_server", "--health", "--port", &port].map(str::to_owned);
    let health: Vec<String> = health.into_iter().chain(tls).collect();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "  {service}:\n    <<: *node\n    image: {image}\n    container_name: {name}\n    command: {command}\n    \
         ports: [\"127.0.0.1:{port}:{port}\"]\n    healthcheck: {{test: {health}, interval: 5s, timeout: 5s}}\n",
        service = service_name(node.number),
        image = quoted(image),
        name = quoted(&container_name(project, node.number)),
        command = list(&args),
        health = list(&health),
    );
    let files: Vec<&str> = args.iter().filter_map(|arg| file_of(arg)).collect();
    if let Some(user) = files.iter().find_map(|file| reader_of(file)) {
        text.push_str(&format!("    user: {}\n", quoted(&user)));
    }
    if !files.is_empty() {
        text.push_str("    volumes:\n");
    }
    for file in files {
        let file = quoted(file);
        text.push_str(&format!("      - {{type: bind, source: {file}, target: {file}, read_only: true}}\n"));
    }
}

/// The file of this machine that an argument names by its full path: the container sees it at the same place.
fn file_of(arg: &str) -> Option<&str> {
    let value = match arg.strip_prefix("--") {
        Some(flag) => flag.split_once('=')?.1,
        None => arg,
    };
    Some(value).filter(|value| Path::new(value).is_absolute() && Path::new(value).is_file())
}

/// Who must read a file that is not for everyone, such as tokens and keys: the owner, instead of the image's nobody. The
/// container has no capabilities, so that even root may read no more than root's own files in it.
fn reader_of(file: &str) -> Option<String> {
    let meta = std::fs::metadata(file).ok()?;
    (meta.mode() & 0o004 == 0).then(|| format!("{}:{}", meta.uid(), meta.gid()))
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A text as Compose reads it back: it would replace `$NAME`.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace('$', "$$")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    use crate::lab::ProcessMark;
    use crate::protocol::NodeId;

    #[test]
    fn a_service_has_all_that_a_node_needs_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let books = folder.path().join("my books.txt");
        std::fs::write(&books, "One by A\n").unwrap();
        let node = NodeRecord {
            number: 3,
            port: 7003,
            advertised: Some(NodeId::Host("gossip-a-3:7003".into())),
            process: ProcessMark::none(),
            args: vec![
                "--port".to_owned(),
                "7003".to_owned(),
                format!("--books={}", books.display()),
                "$HOME".to_owned(),
            ],
            seeds: vec![NodeId::Host("gossip-a-1:7001".into())],
            removed: false,
        };
        let text = compose_file("two\nlines", "gossip-a", "image:1", &[node]);
        assert!(text.starts_with("# two lines\nx-node: &node\n"), "{text}");
        assert!(!text.contains("user:"), "{text}");
        for part in [
            "  node-3:\n    <<: *node\n    image: \"image:1\"\n    container_name: \"gossip-a-3\"\n",
            "\"$$HOME\", \"--seed\", \"gossip-a-1:7001\"]\n",
            "    ports: [\"127.0.0.1:7003:7003\"]\n",
            "[\"CMD\", \"/gossip_server\", \"--health\", \"--port\", \"7003\"], interval: 5s,",
            &format!("source: \"{}\", target:", books.display()),
            "networks:\n  default:\n    name: \"gossip-a\"\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn secrets_are_mounted_for_their_owner_and_the_health_check_knows_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let flag = |name: &str, mode: u32| {
            let file = folder.path().join(name);
            std::fs::write(&file, "secret").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            format!("--{name}={}", file.display())
        };
        let args = vec![flag("tls-ca", 0o644), flag("tls-key", 0o600), flag("token-file", 0o600)];
        let (key, ca) = (args[1].clone(), args[0].clone());
        let node = NodeRecord {
            number: 1,
            port: 7001,
            advertised: None,
            process: ProcessMark::none(),
            args,
            seeds: Vec::new(),
            removed: false,
        };
        let text = compose_file("title", "gossip-a", "image:1", &[node]);
        let owner = std::fs::metadata(folder.path().join("tls-key")).unwrap();
        let user = format!("    user: \"{}:{}\"\n    volumes:\n", owner.uid(), owner.gid());
        let health = format!("\"7001\", \"{ca}\", \"{key}\"], interval");
        assert!(text.contains(&user) && text.contains(&health), "{text}");
        assert!(!text.contains("secret\n"), "{text}");
        assert_eq!(text.matches("read_only: true}").count(), 3, "{text}");
    }
}
