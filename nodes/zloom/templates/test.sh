#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A test of @NAME@: runs it in a folder of its own, sends four messages, and looks where they end.
# ZLOOM=/path/to/zloom tests another build.
set -eu
cd "$(dirname "$0")"
zloom=${ZLOOM:-zloom}
state=$(mktemp -d)
run=

finish () {
    if [ -n "$run" ]; then
        kill "$run" && wait "$run" || true
    fi
    rm -rf "$state"
}
trap finish EXIT

fail () {
    echo "FAILED: $1" >&2
    cat "$state/log" >&2
    exit 1
}

# until_true SECONDS COMMAND...: ask until it succeeds.
until_true () {
    end=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        kill -0 "$run" 2>/dev/null || fail "zloom run has ended"
        [ "$(date +%s)" -lt "$end" ] || fail "waited in vain: $*"
    done
}

printed () { # how many lines the sink has printed
    [ "$(wc -l <"$state/out")" -ge "$1" ]
}

dead () { # how many dead letters there are
    "$zloom" stats failed --state "$state" | grep -Eq "^ *ready +$1\$"
}

@BUILD@"$zloom" lint @NAME@.yaml --env >"$state/log" || fail "lint"
"$zloom" run @NAME@.yaml --state "$state" @SET@>"$state/out" 2>"$state/log" &
run=$!
until_true 30 "$zloom" stats --state "$state"
@SEND@
until_true 30 printed 3
until_true 30 dead 1
[ "$(sort "$state/out" | tr '\n' ' ')" = "LATER ONE TWO " ] || fail "printed: $(cat "$state/out")"
echo "ok: 3 done, 1 dead letter"
