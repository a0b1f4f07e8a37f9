//! A headless Chromium, driven over the WebDriver protocol (W3C) as a person would: real clicks, keys and pointers.
//!
//! It has a profile of its own and ends with the test, with everything that it started. Screenshots go to
//! `$SCREENSHOTS`, or to `target/screenshots`.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use crate::harness::{eventually, eventually_within};
use crate::lines::Lines;

/// What a page may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the graph's picture stands still.
pub const STILL: &str = "return !gossip.graph.moving";

/// One browser at a time: several would only slow one another down.
static ONE: Mutex<()> = Mutex::new(());

/// The key that the protocol gives to elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Chromium's profile, gone with the browser.
    _profile: tempfile::TempDir,
    _one: MutexGuard<'static, ()>,
}

impl Browser {
    pub fn start() -> Browser {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().expect("a folder");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env("HOME", profile.path())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts; Debian has it as chromium-driver, and bin/test installs it");
        let mut lines = Lines::of(driver.stdout.take().expect("stdout is piped"));
        let port = lines.find_map(|line| {
            let rest = line.split("started successfully on port ").nth(1)?;
            rest.trim_end_matches('.').parse().ok()
        });
        let mut browser = Browser {
            driver,
            port: port.expect("chromedriver says its port"),
            session: String::new(),
            _profile: profile,
            _one: one,
        };
        browser.open_session();
        browser
    }

    fn open_session(&mut self) {
        let data = format!("--user-data-dir={}", self._profile.path().join("chromium").display());
        let arguments = [
            "--headless=new",
            // Chromium refuses its sandbox to root, as which containers and CI run.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1440,1000",
            &data,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            // Those of a test's own authority.
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        }}});
        let answer = self.call("POST", "/session", &wanted);
        let session = answer["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        self.session = format!("/session/{session}");
        self.size(1440, 1000);
        self.media(&[("prefers-color-scheme", "light")]);
    }

    /// One command; an error of the protocol is told in its words.
    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.port))
            .header("content-type", "application/json");
        let sent = if method == "POST" {
            agent.run(request.body(body.to_string()).map_err(|error| error.to_string())?)
        } else {
            agent.run(request.body(()).map_err(|error| error.to_string())?)
        };
        let mut answer = sent.map_err(|error| error.to_string())?;
        let text =
            answer.body_mut().with_config().limit(1 << 28).read_to_string().map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        if answer.status() == 200 { Ok(value["value"].clone()) } else { Err(value["value"]["message"].to_string()) }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("{}{path}", self.session), body)
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    pub fn open(&self, port: u16) {
        self.open_at(&format!("http://127.0.0.1:{port}/"));
    }

    pub fn open_at(&self, address: &str) {
        self.ask("POST", "/url", &json!({"url": address}));
    }

    /// Opens the page and waits until it is live, shows that many nodes, and they stand still.
    pub fn open_live(&self, port: u16, nodes: usize) {
        self.open(port);
        self.wait("the page is live", "return document.getElementById('link-state').dataset.state === 'live'");
        self.wait("all nodes are there", &format!("return gossip.store.nodes.size === {nodes}"));
        self.wait("links are there", &format!("return gossip.store.links.length >= {}", nodes - 1));
        self.wait("the layout settles", STILL);
    }

    pub fn reload(&self) {
        self.ask("POST", "/refresh", &json!({}));
    }

    pub fn size(&self, width: u32, height: u32) {
        let parameters = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &parameters);
    }

    /// What the page's media queries see.
    pub fn media(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Roles and names as a screen reader gets them.
    pub fn accessible(&self) -> Vec<(String, String)> {
        let tree = self.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().expect("a tree").iter();
        let text = |node: &Value, field: &str| node[field]["value"].as_str().unwrap_or_default().to_owned();
        nodes.filter(|node| node["ignored"] != true).map(|node| (text(node, "role"), text(node, "name"))).collect()
    }

    /// Runs a script in the page.
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script returns something true, and returns it.
    pub fn wait(&self, what: &str, script: &str) -> Value {
        eventually_within(PATIENCE, what, || {
            let found = self.run(script);
            let nothing = found.is_null() || found == false || found == 0 || found == "";
            (!nothing).then_some(found)
        })
    }

    pub fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element says something.
    pub fn says(&self, selector: &str, words: &str) {
        eventually_within(PATIENCE, &format!("{selector} says {words:?}"), || {
            self.text(selector).contains(words).then_some(())
        });
    }

    fn find(&self, selector: &str) -> String {
        let path = format!("{}/element", self.session);
        let body = json!({"using": "css selector", "value": selector});
        eventually(&format!("{selector} is there"), || {
            Some(self.try_call("POST", &path, &body).ok()?[ELEMENT].as_str()?.to_owned())
        })
    }

    /// Clicks as a mouse does; what is hidden or covered cannot be clicked. Rows of a list may be replaced meanwhile.
    pub fn click(&self, selector: &str) {
        let mut last = String::new();
        let clicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(&format!("{selector} can be clicked"), || {
                let path = format!("{}/element/{}/click", self.session, self.find(selector));
                self.try_call("POST", &path, &json!({})).map_err(|error| last = error).ok()
            })
        }));
        assert!(clicked.is_ok(), "{selector}: {last}");
    }

    /// Types into an element; keys that are no characters have code points from U+E000 on.
    pub fn keys(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.ask("POST", &format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Types with keys held down, to what has the focus.
    pub fn press(&self, key: &str) {
        let actions = [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        self.ask("POST", "/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}));
    }

    /// Presses the mouse at one place of the window, moves, and lets go at another.
    pub fn drag(&self, from: (i64, i64), to: (i64, i64)) {
        let step =
            |(x, y): (i64, i64), duration: u32| json!({"type": "pointerMove", "duration": duration, "x": x, "y": y});
        let actions = [
            step(from, 0),
            json!({"type": "pointerDown", "button": 0}),
            step(((from.0 + to.0) / 2, (from.1 + to.1) / 2), 80),
            step(to, 80),
            json!({"type": "pointerUp", "button": 0}),
        ];
        let mouse =
            json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions});
        self.ask("POST", "/actions", &json!({"actions": [mouse]}));
    }

    /// Keeps a picture of the window.
    pub fn screenshot(&self, name: &str) {
        let picture = self.ask("GET", "/screenshot", &json!({}));
        let picture = base64::engine::general_purpose::STANDARD.decode(picture.as_str().expect("base64"));
        let folder = std::env::var_os("SCREENSHOTS")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots"), PathBuf::from);
        std::fs::create_dir_all(&folder).expect("a folder for screenshots");
        std::fs::write(folder.join(format!("{name}.png")), picture.expect("a picture")).expect("written");
    }

    /// What the browser complained of: scripts that fail, and what the content security policy refused.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().expect("entries").iter();
        entries.filter(|entry| entry["level"] == "SEVERE").map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its session; the group ends what did not.
        let _ = self.try_call("DELETE", &self.session, &json!({}));
        let group = i32::try_from(self.driver.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}
