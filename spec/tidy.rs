//! Rules about the source itself: who may import whom, what the core may not name, that files say what they are.

use std::path::{Path, PathBuf};

/// Which folder may import which; a crate has no walls of its own.
const LAYERS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("wire", &["protocol"]),
    ("http", &["wire", "protocol"]),
    ("store", &["wire", "protocol"]),
    ("net", &["http", "store", "wire", "protocol"]),
    ("web", &["net", "wire", "http", "protocol"]),
    ("arguments", &[]),
    ("server", &["arguments", "web", "net", "store", "http", "wire", "protocol"]),
    ("topology", &[]),
    ("plot", &[]),
    ("client", &["http", "wire", "protocol"]),
    ("sim", &["wire", "topology", "protocol"]),
    ("lab", &["client", "topology", "http", "wire", "protocol"]),
    ("cli", &["arguments", "lab", "sim", "client", "topology", "plot", "http", "wire", "protocol"]),
];

/// What the protocol may not name: it is a value without I/O, clock, threads or logging.
const FORBIDDEN_IN_PROTOCOL: &[&str] = &[
    "std::net::Tcp",
    "std::time",
    "Instant",
    "SystemTime",
    "tokio",
    "actix",
    "awc",
    "std::fs",
    "std::thread",
    "log::info",
    "log::warn",
    "log::debug",
    "log::error",
    "println!",
    "HashMap",
    "HashSet",
    "async fn",
    "rand::rng()",
];

/// Words that say nothing, as names of files.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "misc", "helpers", "types", "handlers"];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn layer(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

#[test]
fn imports_go_down_only() {
    let mut checked = 0;
    for (path, text) in sources("src") {
        let layer = layer(&path).unwrap();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            assert!(["lib", "bin"].contains(&layer.as_str()), "{} belongs to no layer", path.display());
            continue;
        };
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                checked += 1;
                assert!(
                    name == layer || allowed.contains(&name.as_str()),
                    "{}:{}: {layer} must not import {name}",
                    path.display(),
                    i + 1
                );
            }
        }
    }
    assert!(checked > 30);
}

#[test]
fn the_protocol_names_nothing_of_the_outside() {
    for (path, text) in sources("src/protocol") {
        let test = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//") && !test) {
            for word in FORBIDDEN_IN_PROTOCOL {
                assert!(!line.contains(word), "{}:{}: {word}", path.display(), i + 1);
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for folder in ["src", "spec", "bench"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//!"), "{} has no module documentation", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(!EMPTY_NAMES.contains(&name), "{} has a name that says nothing", path.display());
        }
    }
}

#[test]
fn every_module_of_the_layers_is_declared() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        if !["lib", "bin"].contains(&name.as_str()) {
            assert!(lib.contains(&format!("mod {name};")), "src/lib.rs lacks {name}");
        }
    }
}

/// What a heading is called in links to it, as the usual sites make it.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in [root.to_owned(), root.join("docs"), root.join("deploy")] {
        for file in std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()) {
            if file.extension().is_none_or(|end| end != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if link.starts_with("http") {
                    continue;
                }
                let (path, part) = link.split_once('#').unwrap_or((link, ""));
                let target = if path.is_empty() { file.clone() } else { folder.join(path) };
                assert!(target.exists(), "{}: {link}", file.display());
                if !part.is_empty() {
                    let text = std::fs::read_to_string(&target).unwrap();
                    let found = text.lines().any(|line| line.starts_with('#') && anchor(line) == part);
                    assert!(found, "{}: {link}", file.display());
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}
