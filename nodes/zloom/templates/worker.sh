#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The worker of @NAME@: a process a message. Its body is on stdin, what is printed goes on, and the
# exit code decides: 0 done, 75 again after the flow's backoff, 65 never again (a dead letter).
# $ZLOOM_FLOW, $ZLOOM_KEY, $ZLOOM_ATTEMPT and $ZLOOM_ID tell more. Messages for people: stderr.
text=$(cat)
if [ "$text" = bad ]; then
    echo "no worker can do this" >&2
    exit 65
fi
if [ "$text" = later ] && [ "$ZLOOM_ATTEMPT" = 1 ]; then
    echo "not now" >&2
    exit 75
fi
printf '%s' "$text" | tr '[:lower:]' '[:upper:]'
