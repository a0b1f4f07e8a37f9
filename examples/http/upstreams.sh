#!/bin/sh
# Writes a list of servers for nginx whenever the services that live change, and at no other time:
#
#     examples/http/upstreams.sh http://127.0.0.1:7002 db upstreams.conf 'nginx -s reload'
#
# Needs curl and jq.
set -eu
node=${1:?usage: upstreams.sh NODE ROLE FILE [COMMAND]}
role=${2:?} file=${3:?} command=${4:-true}

index= tag=
while :; do
    answer=$(mktemp) head=$(mktemp)
    # Waits until something changes, a minute at most; the tag tells whether it was one of ours.
    status=$(curl -sS -o "$answer" -D "$head" -w '%{http_code}' -H "If-None-Match: ${tag:-\"none\"}" \
        "$node/state?status=alive&role=$role${index:+&wait=60s&index=$index}") || status=000
    if [ "$status" = 200 ]; then
        # What is no address has no business in a configuration, whoever published it.
        jq -r '.[].payload | objects | .address | strings | select(test("^[A-Za-z0-9.:_\\[\\]-]+$")) | "server \(.);"' "$answer" | sort >"$file.new"
        if ! cmp -s "$file.new" "$file"; then
            mv "$file.new" "$file"
            sh -c "$command"
        fi
    fi
    case $status in
    200 | 304)
        index=$(sed -n 's/\r$//; s/^[Xx]-[Gg]ossip-[Ii]ndex: //p' "$head")
        tag=$(sed -n 's/\r$//; s/^[Ee][Tt]ag: //p' "$head")
        ;;
    *) sleep 1 ;;
    esac
    rm -f "$answer" "$head" "$file.new"
done
