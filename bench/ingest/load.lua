-- Load for `wrk`: gossip_load(KIND, BATCH, RUN) as arguments behind `--`.
-- KIND: new (every message has a uuid of its own), duplicate (always the same ones), or a path to GET.
-- Prints one line of JSON at the end.

local kind, batch, run = "new", 1, "00000000"
local counter, number, thread_count = 0, 0, 0
local head, tail = "", ""
local fixed

function setup(thread)
    thread:set("number", thread_count)
    thread_count = thread_count + 1
end

local function message(n)
    return string.format('{"uuid":"%s-%04x-4000-8000-%012x"%s%d%s', run, number, n, head, n, tail)
end

local function body()
    if batch == 0 then
        counter = counter + 1
        return message(counter)
    end
    local parts = {}
    for i = 1, batch do
        counter = counter + 1
        parts[i] = message(counter)
    end
    return "[" .. table.concat(parts, ",") .. "]"
end

function init(arguments)
    kind, batch, run = arguments[1], tonumber(arguments[2]), arguments[3]
    head = ',"origin":7001,"version":'
    tail = ',"ttl":64,"kind":"message","payload":{"message":"a text of some sixty bytes, as people write them to each other"},"path":[7001]}'
    wrk.headers["User-Agent"] = "gossip"
    if kind == "new" or kind == "duplicate" then
        wrk.headers["Content-Type"] = "application/json"
    end
    if kind == "duplicate" then fixed = wrk.format("POST", "/gossip/", nil, body()) end
    if kind:sub(1, 1) == "/" then fixed = wrk.format("GET", kind) end
end

function request()
    return fixed or wrk.format("POST", "/gossip/", nil, body())
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\nRESULT {"requests":%d,"seconds":%.6f,"errors":%d,"p50_us":%d,"p99_us":%d,"bytes":%d}\n',
        summary.requests, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99), summary.bytes))
end
