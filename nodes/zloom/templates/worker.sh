#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The worker of @NAME@: one message at a time, its body on stdin; what is emitted goes on.
# zloom.sh comes with the node: what a handler may do stands at its top, and in docs/workers.md.
. "$ZLOOM_HELPERS/zloom.sh"

handle () {
    text=$(cat)
    if [ "$text" = bad ]; then
        zloom_reject "no worker can do this"    # never again: a dead letter
    fi
    if [ "$text" = later ] && [ "$ZLOOM_ATTEMPT" = 1 ]; then
        zloom_retry "not now"                   # again, after the flow's backoff
    fi
    # Done, and this goes on: in one step.
    printf '%s' "$text" | tr '[:lower:]' '[:upper:]' | zloom_emit
}

zloom_run handle
