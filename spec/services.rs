//! States as a service would use them: conditional changes, merges, waiting, filters, discovery.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Server, agree, eventually, network};

/// An answer with its headers.
struct Whole {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: String,
}

fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Whole {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .build()
        .into();
    let mut request =
        ureq::http::Request::builder().method(method).uri(format!("http://127.0.0.1:{}{path}", server.port));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = match body {
        Some(body) => agent.run(request.body(body.to_owned()).unwrap()).unwrap(),
        None => agent.run(request.body(()).unwrap()).unwrap(),
    };
    let body = response.body_mut().read_to_string().unwrap();
    Whole { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

impl Whole {
    fn header(&self, name: &str) -> String {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {}", self.body)).to_str().unwrap().to_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

#[test]
fn what_one_has_is_not_sent_again() {
    let server = Server::start(&["--interval", "0"]);
    for path in ["/state", &format!("/state/{}", server.port), "/messages"] {
        let first = ask(&server, "GET", path, &[], None);
        let tag = first.header("etag");
        let again = ask(&server, "GET", path, &[("if-none-match", &tag)], None);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        server.submit("apple");
        server.call("PUT", "/state", Some(format!("{:?}", path).as_bytes()));
        let changed = ask(&server, "GET", path, &[("if-none-match", &tag)], None);
        assert_eq!(changed.status, 200, "{path}");
        assert_ne!(changed.header("etag"), tag);
    }
}

#[test]
fn a_state_is_changed_only_if_it_is_the_one_that_was_seen() {
    let server = Server::start(&["--interval", "0"]);
    let own = format!("/state/{}", server.port);
    let seen = ask(&server, "GET", &own, &[], None).header("etag");
    let set = ask(&server, "PUT", "/state", &[("if-match", &seen)], Some(r#"{"load":1}"#));
    assert_eq!(set.status, 200, "{}", set.body);
    let newer = set.header("etag");
    assert_eq!(newer, ask(&server, "GET", &own, &[], None).header("etag"));
    for method in ["PUT", "PATCH", "DELETE"] {
        let late = ask(&server, method, "/state", &[("if-match", &seen), MERGE], Some(r#"{"load":2}"#));
        assert_eq!((late.status, &late.json()["status"]), (412, &json!(412)), "{method}");
    }
    assert_eq!(ask(&server, "GET", &own, &[], None).json()["payload"], json!({"load": 1}));
    // The tag of everyone's states does as well, and so does any.
    let everyone = ask(&server, "GET", "/state", &[], None).header("etag");
    assert_eq!(ask(&server, "PUT", "/state", &[("if-match", &everyone)], Some("2")).status, 200);
    assert_eq!(ask(&server, "PUT", "/state", &[("if-match", "*")], Some("3")).status, 200);
}

#[test]
fn a_state_is_merged_member_by_member() {
    let server = Server::start(&["--interval", "0"]);
    let payload = || ask(&server, "GET", &format!("/state/{}", server.port), &[], None).json()["payload"].clone();
    server.call("PUT", "/state", Some(br#"{"role":"db","load":0.4,"at":{"zone":"eu","rack":7}}"#));
    let patch = |body: &str| ask(&server, "PATCH", "/state", &[MERGE], Some(body));
    assert_eq!(patch(r#"{"load":0.5,"at":{"rack":null},"up":true}"#).status, 200);
    assert_eq!(payload(), json!({"role": "db", "load": 0.5, "at": {"zone": "eu"}, "up": true}));
    assert_eq!(patch(r#"{"load":null}"#).status, 200);
    assert_eq!(payload(), json!({"role": "db", "at": {"zone": "eu"}, "up": true}));
    let typed = |kind: &str| ask(&server, "PATCH", "/state", &[("content-type", kind)], Some("{}"));
    assert_eq!(typed("application/json; charset=utf-8").status, 200);
    let refused = typed("application/json-patch+json");
    assert_eq!((refused.status, refused.header("accept-patch").as_str()), (415, "application/merge-patch+json"));
    assert_eq!(patch("{").status, 400);
    server.call("PUT", "/state", Some(format!("{{\"a\":\"{}\"}}", "x".repeat(40_000)).as_bytes()));
    let too_long = patch(&format!("{{\"b\":\"{}\"}}", "x".repeat(40_000)));
    assert_eq!((too_long.status, &too_long.json()["limit"]), (422, &json!(65_536)), "{}", too_long.body);
    assert_eq!(payload().as_object().unwrap().len(), 1);
}

#[test]
fn one_can_wait_for_a_change() {
    let servers = network(2, &["--interval", "0"]);
    let index = || ask(&servers[0], "GET", "/state", &[], None).header("x-gossip-index");
    let mut known = index();
    // Nothing changes: the wait ends when its time is over.
    eventually("a quiet moment", || {
        known = index();
        let waited = ask(&servers[0], "GET", &format!("/state?wait=200ms&index={known}"), &[], None);
        (waited.status == 200 && waited.header("x-gossip-index") == known).then_some(())
    });
    let began = Instant::now();
    let woken = std::thread::scope(|scope| {
        let path = format!("/state?wait=50s&index={known}");
        let server = &servers[0];
        let waiting = scope.spawn(move || ask(server, "GET", &path, &[], None));
        servers[1].call("PUT", "/state", Some(br#"{"role":"db"}"#));
        waiting.join().unwrap()
    });
    assert!(began.elapsed() < Duration::from_secs(40), "it waited although something changed");
    assert_eq!(woken.json()[servers[1].port.to_string()]["payload"], json!({"role": "db"}));
    assert_ne!(woken.header("x-gossip-index"), known);
    // Who names an index of the past is not made to wait.
    assert_eq!(ask(&servers[0], "GET", &format!("/state?wait=50s&index={known}"), &[], None).status, 200);
    for wrong in ["wait=11min", "wait=x", "index=1"] {
        assert_eq!(ask(&servers[0], "GET", &format!("/state?{wrong}"), &[], None).status, 400, "{wrong}");
    }
}

#[test]
fn one_waits_for_what_a_filter_shows_and_for_nothing_else() {
    let servers = network(3, &["--interval", "0"]);
    let (here, db, web) = (&servers[0], &servers[1], &servers[2]);
    let set =
        |server: &Server, state: &str| assert_eq!(server.call("PUT", "/state", Some(state.as_bytes())).status, 200);
    set(db, r#"{"role":"db","health":"ok"}"#);
    set(web, r#"{"role":"web","n":0}"#);
    agree(&servers);
    let known = ask(here, "GET", "/state?role=db", &[], None).header("x-gossip-index");
    let woken = std::thread::scope(|scope| {
        let path = format!("/state?role=db&wait=50s&index={known}");
        let waiting = scope.spawn(move || ask(here, "GET", &path, &[], None));
        // Others change again and again, and are seen here: that wakes nobody.
        for n in 1..=5 {
            set(web, &format!(r#"{{"role":"web","n":{n}}}"#));
            eventually("the change is here", || {
                (here.state(web.port)?.payload.get().contains(&format!("\"n\":{n}"))).then_some(())
            });
        }
        assert!(!waiting.is_finished(), "woken by a node that is not among those asked for");
        set(db, r#"{"role":"db","health":"slow"}"#);
        waiting.join().unwrap()
    });
    let shown = woken.json();
    assert_eq!(
        (shown.as_object().unwrap().len(), &shown[db.port.to_string()]["payload"]["health"]),
        (1, &json!("slow"))
    );
    // Who knows what was shown before the change is answered at once; who knows this one waits, whatever else went on.
    let began = Instant::now();
    let late = ask(here, "GET", &format!("/state?role=db&wait=50s&index={known}"), &[], None);
    assert!(began.elapsed() < Duration::from_secs(40) && late.json() == shown);
    set(web, r#"{"role":"web","n":6}"#);
    agree(&servers);
    let index = woken.header("x-gossip-index");
    let began = Instant::now();
    let quiet = ask(here, "GET", &format!("/state?role=db&wait=300ms&index={index}"), &[], None);
    assert!(began.elapsed() >= Duration::from_millis(300) && quiet.json() == shown, "{}", quiet.body);
    // A node that begins to fit is a change, and so is one that no longer does.
    for (state, nodes) in [(r#"{"role":"db","health":"ok"}"#, 2), (r#"{"role":"web"}"#, 1)] {
        let index = ask(here, "GET", "/state?role=db", &[], None).header("x-gossip-index");
        set(web, state);
        let began = Instant::now();
        let changed = ask(here, "GET", &format!("/state?role=db&wait=50s&index={index}"), &[], None);
        assert_eq!(changed.json().as_object().unwrap().len(), nodes);
        assert!(began.elapsed() < Duration::from_secs(40));
    }
    // The index of an answer about all nodes does as well.
    let all = ask(here, "GET", "/state", &[], None).header("x-gossip-index");
    assert_eq!(ask(here, "GET", &format!("/state?role=db&wait=1ms&index={all}"), &[], None).status, 200);
}

#[test]
fn states_are_filtered_by_status_and_payload() {
    let mut servers = network(4, &["--interval", "0", "--heartbeat", "200ms"]);
    let states = [
        r#"{"role":"db","load":0.4,"at":{"zone":"eu"},"address":"10.0.0.1:5432"}"#,
        r#"{"role":"db","load":0.9,"at":{"zone":"us"},"address":"10.0.0.2:5432"}"#,
        r#"{"role":"web","load":0.4,"status":"fine"}"#,
    ];
    for (server, state) in servers.iter().zip(states) {
        server.call("PUT", "/state", Some(state.as_bytes()));
    }
    agree(&servers);
    let found = |query: &str| -> Vec<usize> {
        let answer = servers[3].get(&format!("/state?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let found = answer.json();
        let known = |server: &Server| found.get(server.port.to_string()).is_some();
        servers.iter().enumerate().filter(|(_, server)| known(server)).map(|(n, _)| n).collect()
    };
    assert_eq!(found("role=db"), [0, 1]);
    assert_eq!(found("role=db&load=0.4"), [0]);
    assert_eq!(found("role=db&role=web"), [0, 1, 2]);
    assert_eq!(found("at.zone=us"), [1]);
    assert_eq!(found("payload.status=fine"), [2]);
    assert_eq!(found("status=alive,suspect"), [0, 1, 2, 3]);
    assert_eq!(found("status=down"), [0; 0]);
    assert_eq!(servers[3].get("/state?digset").problem().field.as_deref(), Some("query"));
    assert_eq!(servers[3].get("/state?status=well").problem().field.as_deref(), Some("status"));

    let targets = |server: &Server, query: &str| -> Vec<String> {
        let groups = server.get(&format!("/sd/prometheus{query}")).json();
        let mut targets: Vec<String> =
            groups.as_array().unwrap().iter().map(|g| g["targets"][0].as_str().unwrap().to_owned()).collect();
        targets.sort();
        targets
    };
    assert_eq!(targets(&servers[3], "?role=db&target=address"), ["10.0.0.1:5432", "10.0.0.2:5432"]);
    assert_eq!(targets(&servers[3], "").len(), 4);
    let groups = servers[3].get("/sd/prometheus?role=web").json();
    assert_eq!(groups[0]["targets"], json!([format!("127.0.0.1:{}", servers[2].port)]));
    assert_eq!(groups[0]["labels"]["__meta_gossip_payload_role"], "web");
    assert_eq!(groups[0]["labels"]["__meta_gossip_status"], "alive");
    // Who is down is no target.
    let dead = servers.remove(0).crash();
    eventually("the dead node is no target", || {
        (!targets(&servers[2], "").contains(&format!("127.0.0.1:{dead}"))).then_some(())
    });
}
