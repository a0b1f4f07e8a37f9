//! The description at `/openapi.json` against the running node: every route is in it, everything in it is there, and every
//! answer is of the shape that it promises.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Server, agree, eventually, network, try_call};

/// A small reader of JSON Schema: the words that the description uses, and no others.
struct Schemas(Value);

impl Schemas {
    fn find<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => {
                let name = name.rsplit('/').next().expect("a name");
                let found = &self.0["components"]["schemas"][name];
                assert!(!found.is_null(), "no schema {name}");
                self.find(found)
            }
            None => schema,
        }
    }

    /// What is wrong with a value, if anything.
    fn complaint(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        let schema = self.find(schema);
        let known = [
            "$ref",
            "type",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "oneOf",
            "enum",
            "format",
            "pattern",
            "minimum",
            "maximum",
            "minItems",
            "maxItems",
            "description",
        ];
        let unknown = schema.as_object().expect("a schema").keys().find(|word| !known.contains(&word.as_str()));
        assert!(unknown.is_none(), "this test does not know {unknown:?}");
        if let Some(choices) = schema["oneOf"].as_array() {
            let complaints: Vec<_> = choices.iter().filter_map(|one| self.complaint(one, value, place)).collect();
            return (complaints.len() + 1 != choices.len())
                .then(|| format!("{place}: none or several of {complaints:?}"));
        }
        if let Some(values) = schema["enum"].as_array() {
            return (!values.contains(value)).then(|| format!("{place}: {value} is none of {values:?}"));
        }
        let fits = match schema["type"].as_str() {
            None => true,
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64() || value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some(other) => panic!("this test does not know the type {other}"),
        };
        if !fits {
            return Some(format!("{place}: {value} is no {}", schema["type"]));
        }
        let number = value.as_f64().unwrap_or_default();
        let below = schema["minimum"].as_f64().is_some_and(|least| number < least);
        if below || schema["maximum"].as_f64().is_some_and(|most| number > most) {
            return Some(format!("{place}: {value} is out of range"));
        }
        self.of_text(schema, value, place).or_else(|| self.of_parts(schema, value, place))
    }

    fn of_text(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        let text = value.as_str()?;
        let fits = match (schema["format"].as_str(), schema["pattern"].as_str()) {
            (None, None) => true,
            (Some("date-time"), None) => text.parse::<jiff::Timestamp>().is_ok() && text.ends_with('Z'),
            (Some("uuid"), None) => text.parse::<uuid::Uuid>().is_ok(),
            (None, Some("^[0-9a-f]{16}$")) => text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            other => panic!("this test does not know {other:?}"),
        };
        (!fits).then(|| format!("{place}: {text:?} is no {schema}"))
    }

    fn of_parts(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        if let Some(items) = value.as_array() {
            let length = items.len() as u64;
            if schema["minItems"].as_u64().is_some_and(|least| length < least)
                || schema["maxItems"].as_u64().is_some_and(|most| length > most)
            {
                return Some(format!("{place}: {length} items"));
            }
            let each = schema.get("items")?;
            return items.iter().enumerate().find_map(|(i, item)| self.complaint(each, item, &format!("{place}[{i}]")));
        }
        let members = value.as_object()?;
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(lacking) = required.into_iter().find(|name| !members.contains_key(*name)) {
            return Some(format!("{place} lacks {lacking}"));
        }
        members.iter().find_map(|(name, member)| {
            let place = format!("{place}.{name}");
            match (schema["properties"].get(name), &schema["additionalProperties"]) {
                (Some(schema), _) => self.complaint(schema, member, &place),
                (None, Value::Bool(false)) => Some(format!("{place} is not described")),
                (None, Value::Bool(true) | Value::Null) => None,
                (None, schema) => self.complaint(schema, member, &place),
            }
        })
    }
}

fn description() -> Schemas {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/openapi.json");
    Schemas(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// Asks, and holds the answer against the description of `route`.
fn check(
    schemas: &Schemas,
    server: &Server,
    method: &str,
    route: &str,
    path: &str,
    body: Option<&str>,
    status: u16,
) -> Value {
    let answer = server.call(method, path, body.map(str::as_bytes));
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    let operation = &schemas.0["paths"][route][method.to_lowercase()];
    let promised = &operation["responses"][status.to_string()];
    // Answers that many operations give are described once.
    let promised = match promised["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        Some(name) => &schemas.0["components"]["responses"][name],
        None => promised,
    };
    let contents = ["application/json", "application/problem+json"].map(|media| &promised["content"][media]["schema"]);
    let promised = contents.into_iter().find(|schema| !schema.is_null()).unwrap_or(&Value::Null);
    assert!(!promised.is_null(), "{method} {route} {status} is not described");
    let value = answer.json();
    let complaint = schemas.complaint(promised, &value, "answer");
    assert!(complaint.is_none(), "{method} {path}: {}: {value}", complaint.unwrap_or_default());
    value
}

#[test]
fn every_route_is_described_and_everything_described_is_there() {
    let schemas = description();
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/mod.rs")).unwrap();
    // What the program itself says at `at(config, …)`.
    let routes: BTreeSet<String> = source
        .split("at(config, ")
        .skip(1)
        .filter_map(|rest| rest.split('"').nth(1))
        .map(|path| if path.is_empty() { "/" } else { path }.to_owned())
        .collect();
    let described: BTreeSet<String> = schemas.0["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(routes, described);
    let server = Server::start(&["--interval", "0"]);
    for (path, operations) in schemas.0["paths"].as_object().unwrap() {
        let real = path
            .replace("{id}", "1")
            .replace("{file}", "app.js")
            .replace("{uuid}", "00000000-0000-4000-8000-000000000000");
        let refused = try_call("TRACE", server.port, &real, None).unwrap();
        assert_eq!(refused.status, 405, "{path}: {}", refused.body);
        let detail = refused.problem().detail;
        let mut allowed: BTreeSet<String> =
            detail.rsplit("are ").next().unwrap().split(", ").map(str::to_lowercase).collect();
        // Whatever can be got can be asked for its head, which the description says once for all; where getting registers a
        // node of the other dialect, it cannot.
        let registers = path == "/peers/{id}";
        assert_eq!(allowed.remove("head"), allowed.contains("get") && !registers, "{path}");
        assert_eq!(allowed, operations.as_object().unwrap().keys().cloned().collect(), "{path}");
    }
    let served = server.get("/openapi.json").json();
    assert_eq!(served, schemas.0);
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_answer_is_of_the_promised_shape() {
    let schemas = description();
    let servers = network(3, &["--allow-fault-injection"]);
    let server = &servers[0];
    let check = |method: &str, route: &str, path: &str, body: Option<&str>, status: u16| {
        check(&schemas, server, method, route, path, body, status)
    };
    let uuid = check("POST", "/messages", "/messages", Some(r#"{"message":"apple"}"#), 201)["uuid"].clone();
    let uuid = uuid.as_str().unwrap();
    let again = format!(r#"{{"message":"apple","uuid":"{uuid}"}}"#);
    check("POST", "/messages", "/messages", Some(&again), 200);
    check("POST", "/messages", "/messages", Some("{}"), 400);
    check("POST", "/messages", "/messages?acks=1", Some(r#"{"message":"pear"}"#), 201);
    check("POST", "/messages", "/messages?acks=9", Some(r#"{"message":"pear"}"#), 400);
    eventually("all hold it", || (servers[2].messages().len() == 2).then_some(()));
    check("GET", "/messages", "/messages?kind=all", None, 200);
    check("GET", "/messages/{uuid}", &format!("/messages/{uuid}"), None, 200);
    check("GET", "/messages/{uuid}", "/messages/xyz", None, 400);
    check("GET", "/messages/{uuid}/spread", &format!("/messages/{uuid}/spread"), None, 200);
    check("POST", "/messages/read", "/messages/read", Some(&json!({ "uuids": [uuid] }).to_string()), 200);
    check("GET", "/state", "/state", None, 200);
    check("PUT", "/state", "/state", Some(r#"{"role":"db"}"#), 200);
    check("PATCH", "/state", "/state", Some(r#"{"load":1}"#), 200);
    check("DELETE", "/state", "/state", None, 200);
    check("GET", "/state/{id}", &format!("/state/{}", server.port), None, 200);
    check("GET", "/state/{id}", "/state/1", None, 404);
    check("DELETE", "/state/{id}", &format!("/state/{}", servers[1].port), None, 409);
    check("GET", "/messages/{uuid}/held", &format!("/messages/{uuid}/held?from={}", servers[1].port), None, 200);
    check("GET", "/messages/{uuid}/held", &format!("/messages/{uuid}/held?wait=ages"), None, 400);
    check("GET", "/seeds", "/seeds", None, 200);
    check("GET", "/overlay", "/overlay", None, 200);
    check("GET", "/sd/prometheus", "/sd/prometheus", None, 200);
    check("GET", "/livez", "/livez", None, 200);
    check("GET", "/readyz", "/readyz", None, 200);
    check("GET", "/peers", "/peers", None, 200);
    check("GET", "/peers", "/peers?details", None, 200);
    check("GET", "/faults", "/faults", None, 200);
    check("PUT", "/faults", "/faults", Some("{}"), 200);
    check("DELETE", "/faults", "/faults", None, 200);
    for (path, schema) in [("/state?digest", "Digest"), ("/state?versions", "Versions")] {
        let (schema, value) = (&schemas.0["components"]["schemas"][schema], server.get(path).json());
        assert_eq!(schemas.complaint(schema, &value, path), None);
    }
    agree(&servers);
}

#[test]
fn every_event_is_of_the_promised_shape() {
    let schemas = description();
    let server = Server::start(&["--interval", "0", "--heartbeat", "200ms"]);
    let mut watcher = crate::streams::Watcher::lines(&server, "", None);
    let mut wanted: BTreeSet<&str> = ["snapshot", "message", "state", "status", "link", "read"].into();
    let uuid = server.submit("apple");
    server.call("PUT", "/state", Some(b"1"));
    server.post("/messages/read", &json!({ "uuids": [uuid] }).to_string());
    let _other = Server::join(&server, &["--interval", "0"]);
    while !wanted.is_empty() {
        let seen = watcher.next().unwrap();
        let complaint = schemas.complaint(&schemas.0["components"]["schemas"]["Event"], &seen.data, &seen.event);
        assert_eq!(complaint, None, "{}", seen.data);
        wanted.remove(seen.event.as_str());
    }
}
