//! `--seeds-file`: nodes to ask first, one a line, read again on SIGHUP.

use std::path::Path;

use anyhow::{Context, bail};

use crate::protocol::{IdForm, NodeId};

/// Reads a file of seeds: a port or host:port a line, empty lines and `#` comments apart.
///
/// # Errors
/// When it cannot be read, or a line is no id of this network's form. An empty file is none.
pub(super) fn read(file: &Path, form: IdForm) -> anyhow::Result<Vec<NodeId>> {
    let named = || format!("--seeds-file {}", file.display());
    let text = std::fs::read_to_string(file).with_context(named)?;
    parse(&text, form).with_context(named)
}

fn parse(text: &str, form: IdForm) -> anyhow::Result<Vec<NodeId>> {
    let mut seeds = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let id = NodeId::parse(line).with_context(|| format!("line {}", i + 1))?;
        if id.form() != form {
            bail!("line {}: {id}: this node's network is {form}; an id of the other form never fits", i + 1);
        }
        if !seeds.contains(&id) {
            seeds.push(id);
        }
    }
    Ok(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_seeds() {
        let seeds = parse("# ours\n7001\n\n localhost:7002 # two\n7001\n", IdForm::Local).unwrap();
        assert_eq!(seeds, [NodeId::Port(7001), NodeId::Port(7002)]);
        assert!(parse("", IdForm::Local).unwrap().is_empty());
        for (text, part) in [("7001\nx\n", "line 2"), ("db1.example:7000\n", "local")] {
            let complaint = format!("{:#}", parse(text, IdForm::Local).unwrap_err());
            assert!(complaint.contains(part), "{complaint}");
        }
    }
}
