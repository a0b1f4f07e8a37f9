//! The commands on the page, by operation, in any shell with `curl`. They run in the page's order at one network, so that
//! later ones see what earlier ones did. `UUID` stands for the newest message at node 7001.

pub const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "states",
        &[
            "curl -s 'localhost:7001/state?status=alive&role=db&health=ok'",
            "curl -s 'localhost:7001/state?format=text'",
            "curl -s -o /dev/null -w '%{http_code} %header{x-gossip-index}\\n' 'localhost:7001/state?wait=200ms'",
            "curl -s 'localhost:7001/state?wait=ages'",
        ],
    ),
    (
        "setState",
        &[
            "curl -s -X PUT localhost:7001/state -d '{\"role\": \"web\", \"load\": 0.4, \"health\": \"ok\"}'",
            "curl -s -X PUT localhost:7001/state -H 'If-Match: \"another\"' -d '{\"role\": \"db\"}'",
            "curl -s -X PUT localhost:7001/state -d '{\"role\": }'",
        ],
    ),
    (
        "mergeState",
        &[
            "curl -s -X PATCH localhost:7001/state -H 'Content-Type: application/merge-patch+json' -d '{\"load\": 0.7, \"health\": null}'",
            "curl -s localhost:7001/state/7001",
            "curl -s -X PATCH localhost:7001/state -H 'Content-Type: text/plain' -d '{}'",
        ],
    ),
    ("clearState", &["curl -s -X DELETE localhost:7003/state"]),
    (
        "state",
        &[
            "curl -s localhost:7001/state/7002",
            "tag=$(curl -s -o /dev/null -w '%header{etag}' localhost:7001/state/7002); echo $tag; \
             curl -s -o /dev/null -w '%{http_code}\\n' -H \"If-None-Match: $tag\" localhost:7001/state/7002",
            "curl -s localhost:7001/state/1",
        ],
    ),
    ("forget", &["curl -s -X DELETE localhost:7001/state/7002"]),
    (
        "messages",
        &[
            "curl -s 'localhost:7001/messages?limit=1'",
            "curl -s 'localhost:7001/messages?format=text'",
            "curl -s 'localhost:7001/messages?limit=0'",
        ],
    ),
    (
        "submit",
        &[
            "curl -s localhost:7001/messages -d '{\"message\": \"pear\"}'",
            "curl -s 'localhost:7001/messages?acks=all&wait=5s' -d '{\"message\": {\"to\": \"db\", \"do\": \"vacuum\"}}'",
            "curl -s 'localhost:7001/messages?acks=9' -d '{\"message\": \"plum\"}'",
            "curl -s localhost:7001/messages -d '{\"text\": \"plum\"}'",
        ],
    ),
    ("markRead", &["curl -s localhost:7001/messages/read -d '{\"uuids\": [\"UUID\"]}'"]),
    ("message", &["curl -s localhost:7001/messages/UUID", "curl -s localhost:7001/messages/xyz"]),
    ("spread", &["curl -s localhost:7001/messages/UUID/spread"]),
    ("overlay", &["curl -s localhost:7001/overlay"]),
    ("discovery", &["curl -s 'localhost:7001/sd/prometheus?target=addr&role=db'"]),
    ("metrics", &["curl -s localhost:7001/metrics | grep -E 'gossip_(converged|nodes)'"]),
    ("live", &["curl -s localhost:7001/livez"]),
    ("ready", &["curl -s localhost:7001/readyz"]),
    ("openapi", &["curl -s localhost:7001/openapi.json | head -n 4"]),
    ("page", &["curl -s localhost:7002/"]),
    ("pageFile", &["curl -s -o /dev/null -w '%{http_code} %{content_type}\\n' localhost:7001/page/app.js"]),
    ("seeds", &["curl -s localhost:7002/seeds"]),
    ("addSeed", &["curl -s localhost:7002/seeds -d '{\"seed\": 7009}'"]),
    ("removeSeed", &["curl -s -X DELETE localhost:7002/seeds/7009"]),
    (
        "events",
        &[
            "curl -sN 'localhost:7001/events?kind=message' | head -n 7 | cut -d, -f 1-4",
            "curl -sN -H 'Accept: application/x-ndjson' 'localhost:7001/events?kind=message' | head -n 2 | cut -d, -f 1-4",
            "curl -s 'localhost:7001/events?kind=weather'",
        ],
    ),
    ("faults", &["curl -s localhost:7001/faults"]),
    (
        "setFaults",
        &[
            "curl -s -X PUT localhost:7001/faults -d '{\"delay_ms\": 5}'",
            "curl -s -X PUT localhost:7001/faults -d '{\"lose_percent\": 200}'",
        ],
    ),
    ("clearFaults", &["curl -s -X DELETE localhost:7001/faults"]),
    ("peers", &["curl -s localhost:7001/peers", "curl -s 'localhost:7001/peers?details'"]),
];
