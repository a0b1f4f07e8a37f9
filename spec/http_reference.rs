//! `docs/http.md` is made of the description at `/openapi.json`, and of what a shell prints that runs each example at a real
//! network of three nodes.
//!
//! The test writes the page anew and compares: the words exactly, what was printed but for numbers, times and tags.
//! `WRITE_REFERENCE=1 cargo test --test node http_reference` keeps what it wrote.

// The commands of each operation.
#[path = "http_reference/examples.rs"]
mod examples;

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use self::examples::EXAMPLES;
use crate::harness::{Server, agree, eventually, free_ports, pause};

const HEAD: &str = include_str!("http_reference/head.md");

/// What each group of operations is called on the page.
const GROUPS: [(&str, &str); 3] =
    [("people", "For people and programs"), ("tests", "Faults on purpose"), ("nodes", "Between nodes")];

/// Three nodes, which the page calls 7001, 7002 and 7003 in the order of their ports, so that lists keep their order.
struct Stage {
    servers: Vec<Server>,
}

impl Stage {
    fn new() -> Stage {
        let books = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(books.path(), "Momo by Michael Ende\n").expect("written");
        let book = books.path().to_str().expect("a path");
        let mut ports = free_ports(3);
        ports.sort_unstable();
        let seed = format!("--seed={}", ports[0]);
        let flags = [seed.as_str(), "--interval=0", "--allow-fault-injection", "--books", book];
        // The first one asks nobody.
        let start = |(i, port): (usize, &u16)| Server::start_on(*port, if i == 0 { &flags[1..] } else { &flags });
        let servers: Vec<Server> = ports.iter().enumerate().map(start).collect();
        eventually("each is linked with both others", || {
            servers.iter().all(|server| server.peers().len() == 2).then_some(())
        });
        for (server, state) in servers.iter().zip([
            r#"{"role":"web","addr":"10.0.0.4:80","health":"ok"}"#,
            r#"{"role":"db","addr":"10.0.0.5:5432","health":"ok"}"#,
            r#"{"role":"db","addr":"10.0.0.6:5432","health":"slow"}"#,
        ]) {
            assert_eq!(server.call("PUT", "/state", Some(state.as_bytes())).status, 200);
        }
        let stage = Stage { servers };
        stage.servers[1].submit("apple");
        stage.servers[1].submit("orange");
        stage
    }

    /// What a shell prints for a command of the page.
    fn run(&self, command: &str) -> String {
        let real =
            self.servers.iter().zip(7001..).fold(command.to_owned(), |text, (server, name)| {
                text.replace(&name.to_string(), &server.port.to_string())
            });
        let mut shell = Command::new("bash");
        shell.args(["-c", &real]).stdin(Stdio::null()).stderr(Stdio::inherit());
        let ended = AtomicBool::new(false);
        let output = std::thread::scope(|scope| {
            if command.contains("/events") {
                // Somebody sends something until the watcher has seen enough.
                scope.spawn(|| {
                    while !ended.load(Ordering::SeqCst) {
                        self.servers[1].submit("pear");
                        pause();
                    }
                });
            }
            let output = shell.output();
            ended.store(true, Ordering::SeqCst);
            output
        });
        let output = output.expect("bash is installed");
        assert!(!output.stdout.is_empty(), "{command} printed nothing");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        self.servers
            .iter()
            .zip(7001..)
            .fold(text, |text, (server, name)| text.replace(&server.port.to_string(), &name.to_string()))
    }

    /// Waits until all hold the same.
    fn settle(&self) {
        agree(&self.servers);
    }

    /// The commands of an operation, each with what it prints. `UUID` stands for the uuid of the newest message.
    fn example(&self, operation: &str) -> String {
        let mut text = String::new();
        for command in EXAMPLES.iter().filter(|(id, _)| *id == operation).flat_map(|(_, commands)| *commands) {
            self.settle();
            let uuid = self.servers[0].messages().last().map_or_else(String::new, |last| last.uuid.to_string());
            let command = command.replace("UUID", &uuid);
            let printed = self.run(&command);
            write!(text, "$ {command}\n{}\n", printed.trim_end()).unwrap();
        }
        if text.is_empty() { text } else { format!("\n```console\n{text}```\n") }
    }
}

struct Page<'a> {
    description: &'a Value,
    stage: Stage,
    text: String,
}

impl<'a> Page<'a> {
    /// Every operation with its method and path.
    fn operations(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> + use<'a> {
        let paths = self.description["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods.iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    fn group(&mut self, tag: &str, title: &str) {
        let said = self.description["tags"].as_array().unwrap().iter().find(|found| found["name"] == tag);
        let said = said.and_then(|tag| tag["description"].as_str()).expect("a tag says what it is");
        write!(self.text, "\n## {title}\n\n{said}\n").unwrap();
        // As the examples are ordered; those without one come last.
        let mut operations: Vec<(&str, &str, &Value)> =
            self.operations().filter(|(.., it)| it["tags"][0] == tag).collect();
        operations.sort_by_key(|(.., operation)| {
            let place = EXAMPLES.iter().position(|(id, _)| operation["operationId"] == *id);
            place.unwrap_or(EXAMPLES.len())
        });
        for (method, path, operation) in operations {
            self.operation(&method.to_uppercase(), path, operation);
        }
    }

    fn operation(&mut self, method: &str, path: &str, operation: &Value) {
        let summary = operation["summary"].as_str().unwrap();
        write!(self.text, "\n### `{method} {path}`\n\n{summary}.").unwrap();
        if let Some(more) = operation["description"].as_str() {
            write!(self.text, " {more}").unwrap();
        }
        self.text.push('\n');
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        if !parameters.is_empty() {
            self.text.push_str("\n| parameter | | |\n|---|---|---|\n");
        }
        for parameter in &parameters {
            let name = match parameter["style"].as_str() {
                Some("form") => "*member*`=`*value*".to_owned(),
                _ => format!("`{}`", parameter["name"].as_str().unwrap()),
            };
            let place = parameter["in"].as_str().unwrap();
            let said = parameter["description"].as_str().expect("a parameter says what it is");
            writeln!(self.text, "| {name} | {place}, {} | {said} |", self.form(&parameter["schema"])).unwrap();
        }
        if let Some(content) = operation["requestBody"]["content"].as_object() {
            let (media, schema) = content.iter().next().unwrap();
            write!(self.text, "\nBody (`{media}`): {}.\n", self.form(&schema["schema"])).unwrap();
        }
        self.answers(operation);
        let id = operation["operationId"].as_str().unwrap();
        let example = self.stage.example(id);
        let needs = operation["tags"][0] != "nodes";
        assert!(!needs || !example.is_empty(), "{id} has no example");
        self.text.push_str(&example);
    }

    fn answers(&mut self, operation: &Value) {
        self.text.push_str("\n| answer | | |\n|---|---|---|\n");
        let answers = operation["responses"].as_object().unwrap();
        // What any operation may answer is said once, above all of them.
        for (status, answer) in answers.iter().filter(|(_, answer)| answer["$ref"].is_null()) {
            let said = answer["description"].as_str().unwrap();
            let contents = answer["content"].as_object().into_iter().flatten();
            let forms: Vec<String> = contents
                .map(|(media, content)| match &content["schema"]["$ref"] {
                    Value::String(_) => self.form(&content["schema"]),
                    _ if media == "application/json" => self.form(&content["schema"]),
                    _ => format!("`{media}`"),
                })
                .collect();
            writeln!(self.text, "| {status} | {said} | {} |", forms.join(", ")).unwrap();
        }
    }

    /// A schema in short, with links to the named ones.
    fn form(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            return format!("[{name}](#{})", name.to_lowercase());
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            return choices.iter().map(|choice| self.form(choice)).collect::<Vec<_>>().join(" or ");
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.iter().map(|value| format!("`{value}`").replace('"', "")).collect::<Vec<_>>().join(", ");
        }
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("array"), _) => format!("list of {}", self.form(&schema["items"])),
            (Some("object"), _) if schema["additionalProperties"].is_object() => {
                format!("object, each member {}", self.form(&schema["additionalProperties"]))
            }
            (Some("integer" | "number"), _) => {
                let kind = schema["type"].as_str().unwrap();
                match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
                    (Some(least), Some(most)) => format!("{least} to {most}"),
                    (Some(least), None) if least > 0 => format!("{kind} from {least} on"),
                    _ => kind.to_owned(),
                }
            }
            (Some(_), Some(format)) => format.to_owned(),
            (Some(kind), None) => kind.to_owned(),
            (None, _) => "any JSON".to_owned(),
        }
    }

    fn forms(&mut self) {
        self.text.push_str("\n## Forms\n\nMembers in *italics* may be missing.\n");
        for (name, schema) in self.description["components"]["schemas"].as_object().unwrap() {
            write!(self.text, "\n### {name}\n\n").unwrap();
            match (schema["description"].as_str(), schema["properties"].as_object()) {
                (said, None) => {
                    let said = said.map_or_else(String::new, |said| format!(" {said}"));
                    writeln!(self.text, "{}{said}", capital(&self.form(schema))).unwrap();
                }
                (said, Some(_)) => said.into_iter().for_each(|said| writeln!(self.text, "{said}").unwrap()),
            }
            let mut rows = String::new();
            self.members(schema, "", &mut rows);
            if !rows.is_empty() {
                write!(self.text, "\n| member | | |\n|---|---|---|\n{rows}").unwrap();
            }
        }
    }

    /// A row for each member, and for those of objects within.
    fn members(&self, schema: &Value, outer: &str, rows: &mut String) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let shown = match required.contains(&name.as_str()) {
                true => format!("`{outer}{name}`"),
                false => format!("*{outer}{name}*"),
            };
            let said = member["description"].as_str().unwrap_or_default();
            writeln!(rows, "| {shown} | {} | {said} |", self.form(member)).unwrap();
            self.members(member, &format!("{outer}{name}."), rows);
        }
        if schema["items"].is_object() {
            self.members(&schema["items"], &format!("{}[].", outer.trim_end_matches('.')), rows);
        }
        if schema["additionalProperties"].is_object() {
            self.members(&schema["additionalProperties"], &format!("{outer}*."), rows);
        }
    }
}

/// A text that begins a sentence, with its full stop.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/openapi.json");
    let description: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut page = Page { description: &description, stage: Stage::new(), text: HEAD.to_owned() };
    for (id, _) in EXAMPLES {
        assert!(page.operations().any(|(.., operation)| operation["operationId"] == *id), "{id} is no operation");
    }
    for (tag, title) in GROUPS {
        page.group(tag, title);
    }
    page.forms();
    page.text
}

/// Whether the page is to be written anew.
fn keeps() -> bool {
    std::env::var_os("WRITE_REFERENCE").is_some()
}

/// The page without what differs from run to run: in what was printed, words with digits, how wide a table is, which of several
/// things came first, how many of a kind there are, and how long ways are.
fn comparable(page: &str) -> String {
    let mut lines = Vec::new();
    let mut printed: Option<Vec<String>> = None;
    for line in page.lines() {
        match &mut printed {
            Some(block) if line == "```" => {
                block.sort();
                block.dedup();
                lines.append(block);
                printed = None;
            }
            Some(block) => block.push(masked(line)),
            None => {
                lines.push(line.to_owned());
                printed = (line == "```console").then(Vec::new);
            }
        }
    }
    lines.join("\n")
}

fn masked(line: &str) -> String {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
    let mut text = String::new();
    for word in line.split_inclusive(|c: char| !part_of_word(c)) {
        let end = word.find(|c: char| !part_of_word(c)).unwrap_or(word.len());
        text += if word.contains(|c: char| c.is_ascii_digit()) { "0" } else { &word[..end] };
        text += &word[end..];
    }
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while text.contains("0 -> 0") {
        text = text.replace("0 -> 0", "0");
    }
    text.trim_end_matches(',').to_owned()
}

#[test]
fn the_page_of_http_says_what_a_node_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http.md");
    let now = page();
    if keeps() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let (now, written) = (comparable(&now), comparable(&written));
    let differing = now.lines().zip(written.lines()).find(|(now, written)| now != written);
    assert!(differing.is_none(), "docs/http.md is not what a node says (WRITE_REFERENCE=1 writes it): {differing:?}");
    assert_eq!(now.lines().count(), written.lines().count(), "docs/http.md is not whole: WRITE_REFERENCE=1 writes it");
}
