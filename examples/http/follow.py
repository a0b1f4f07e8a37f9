#!/usr/bin/env python3
"""Follows a node's live stream, and never misses an event: nothing but HTTP and the standard library.

    bin/gossip start-network
    examples/http/follow.py http://127.0.0.1:7001 state,status
"""

import json
import sys
import time
import urllib.error
import urllib.request


def follow(node, kinds):
    """Yields events for ever; a stream that breaks is taken up again where it broke."""
    last = None
    while True:
        request = urllib.request.Request(f"{node}/events?kind={kinds}", headers={"Accept": "application/x-ndjson"})
        if last:
            request.add_header("Last-Event-ID", last)
        try:
            with urllib.request.urlopen(request, timeout=45) as stream:
                for line in stream:
                    event = json.loads(line)
                    last = event["id"]
                    yield event
        except (OSError, urllib.error.URLError) as error:
            print(f"cut: {error}; trying again", file=sys.stderr)
        time.sleep(1)


def main():
    node = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7001"
    kinds = sys.argv[2] if len(sys.argv) > 2 else "state,message,status"
    for event in follow(node, kinds):
        if event["event"] == "snapshot":
            print(f"{event['node']} knows {len(event['state'])} nodes")
        elif event["event"] == "state":
            print(f"{event['node']} says {json.dumps(event['payload'])}")
        elif event["event"] == "message":
            path = " -> ".join(str(station) for station in event["paths"][0]["path"])
            print(f"{json.dumps(event['payload'])} over {path}")
        elif event["event"] == "status":
            print(f"{event['node']} is {event['status']}")
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
