#!/bin/sh
# A service that publishes its address and health through the node beside it, for as long as it runs:
#
#     examples/http/service.sh http://127.0.0.1:7001 db 10.0.0.5:5432
#
# Everybody reads it from the node beside them: curl 'http://127.0.0.1:7002/state?status=alive&role=db&health=ok'
set -eu
node=${1:?usage: service.sh NODE ROLE ADDRESS}
role=${2:?} address=${3:?}

curl -fsS -o /dev/null -X PUT "$node/state" -d "{\"role\": \"$role\", \"address\": \"$address\", \"health\": \"starting\"}"
trap 'curl -fsS -o /dev/null -X DELETE "$node/state"' EXIT
trap 'exit 0' INT TERM

health=starting
while :; do
    # A real service would ask itself something here.
    if [ -e /proc/self ]; then now=ok; else now=bad; fi
    if [ "$now" != "$health" ]; then
        curl -fsS -o /dev/null -X PATCH -H 'Content-Type: application/merge-patch+json' "$node/state" -d "{\"health\": \"$now\"}"
        health=$now
    fi
    sleep 2
done
