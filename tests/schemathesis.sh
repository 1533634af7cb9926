#!/usr/bin/env bash
# Sends what the OpenAPI document allows, and what it forbids, to a server of its own, and holds every
# answer against the document: no 5xx, no undocumented status, no answer that breaks its schema, nothing
# taken that is forbidden, nothing done without a key.
#
#   SFS_BIN                the program (default: target/release/sfs, else target/debug/sfs)
#   SCHEMATHESIS_SECONDS   how long (default 120)
#   SCHEMATHESIS_SEED      other requests for another number (default 1)
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.32.5
target=${CARGO_TARGET_DIR:-target}
venv=$target/schemathesis
seconds=${SCHEMATHESIS_SECONDS:-120}
seed=${SCHEMATHESIS_SEED:-1}

sfs=${SFS_BIN:-$target/release/sfs}
[[ -x $sfs ]] || sfs=$target/debug/sfs
[[ -x $sfs ]] || { echo "there is no $target/release/sfs: build it first with cargo build --release -p sfs-server" >&2; exit 2; }

if ! "$venv/bin/st" --version 2>/dev/null | grep -qF "$version"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

work=$(mktemp -d)
server=
finish() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    [[ -z $server ]] || wait "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

unset "${!SFS_@}"
"$sfs" --data "$work/data" simulate --schools 6 >/dev/null
# One principal that holds every role, as far as each can reach: what is sent gets past the gate.
field() { python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
place() { "$sfs" --data "$work/data" events --type intervention.recorded.v1 | head -n 1 | python3 -c "import json,sys; print(json.load(sys.stdin)['open']['$1'])"; }
school=$(place school)
provider=$(place provider)
first=$("$sfs" --data "$work/data" --json token --role AD)
principal=$(field principal <<<"$first")
key=$(field api_key <<<"$first")
for grant in "CO state" "MB state" "GA state" "MA state" "DPO state" "NO district:15083" "YO district:15083" \
    "PM provider:$provider" "SSW school:$school" "AU state --until 2199-12-31"; do
    read -r role scope rest <<<"$grant"
    # shellcheck disable=SC2086 # Several words on purpose.
    "$sfs" --data "$work/data" --json token --role "$role" --scope "$scope" $rest --principal "$principal" >/dev/null
done

SFS_RATE_LIMIT_PER_SECOND=0 SFS_LOG_FILTER=warn "$sfs" --data "$work/data" serve --listen 127.0.0.1:0 2>"$work/said" &
server=$!
address=
for ((try = 0; try < 600; try++)); do
    address=$(sed -n 's#^sfs: \(http://[^/]*\)/.*#\1#p' "$work/said")
    [[ -z $address ]] || break
    kill -0 "$server" 2>/dev/null || { cat "$work/said" >&2; exit 1; }
    sleep 0.1
done
[[ -n $address ]] || { echo "the server did not listen within a minute" >&2; cat "$work/said" >&2; exit 1; }
"$sfs" health --address "${address#http://}"

echo "schemathesis: $seconds seconds, SCHEMATHESIS_SEED=$seed"
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth
# One worker: CPython 3.11 may not read a syntax tree in two threads at once (gh-106905), and then the
# tool itself breaks off.
run() {
    PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=schemathesis_hooks "$venv/bin/st" --no-color run "$address/openapi.json" \
        --header "Authorization: Bearer $key" \
        --wait-for-schema 10 --seed "$seed" --workers 1 --request-timeout 20 \
        --generation-database none --continue-on-failure --suppress-health-check all --warnings off "$@"
}
status=0
run --max-time "$seconds" --exclude-path "/v1/commands:bulk" --checks "$checks,negative_data_rejection" || status=$?
# A list is answered line by line: what is wrong with a line is said in its line of a 200.
run --max-time "$((seconds / 6))" --include-path "/v1/commands:bulk" --checks "$checks" || status=$?

# Whatever was sent: the log is whole.
kill -TERM "$server"
wait "$server"
server=
"$sfs" --data "$work/data" verify
grep -v '^sfs: http' "$work/said" >&2 || true
exit "$status"
