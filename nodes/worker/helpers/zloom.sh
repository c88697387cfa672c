# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh
# zloom.sh - write a worker in ten lines of sh.
#
#     #!/bin/sh
#     . "$ZLOOM_HELPERS/zloom.sh"
#
#     charge () {                                              # the body is on stdin
#         order=$(cat)
#         case $order in
#         *closed*) zloom_retry "the bank is closed" 60 ;;     # again, in a minute
#         *free*)   zloom_reject "an order costs something" ;; # never again: a dead letter
#         esac
#         zloom_emit "$order"                                  # sent on, once it is acknowledged
#     }
#     zloom_run charge
#
# In the recipe: `{kind: worker, run: [./charge.sh], io: frames}`, or `run: [sh, charge.sh]`.
#
# The handler runs in a subshell for each message, one after the other:
#     it returns 0                 acknowledged, with all that it emitted
#     zloom_retry TEXT [SECONDS]   failed: again after the delay, or the flow's own backoff
#     zloom_reject TEXT            failed for good
#     it ends with 75, 65          the same two without a text, as with `io: exec`
#     a command in it fails        failed: `set -e` is on; so does any other exit code
# What was acknowledged and what was sent happen together, or neither does.
#
#     zloom_emit [OPTION...] [VALUE]     send VALUE; without one, all of stdin as it is
#         --flow=NAME --topic=NAME --key=TEXT --id=TEXT --delay=SECONDS --expires=SECONDS
#         --priority=0-9 --attr.NAME=TEXT; -- stands before a value that begins with --
#     zloom_progress [SECONDS]           still at work: the message stays ours for as long again
#
# Of the message: ZLOOM_FLOW, ZLOOM_KEY, ZLOOM_TOPIC, ZLOOM_ATTEMPT (1 is the first), ZLOOM_ID,
# ZLOOM_SENT_MS, ZLOOM_REDELIVERED (0 or 1), ZLOOM_ATTRS (a line NAME=TEXT each).
#
# Stdout and stderr are for people: they go to the node's log. Functions and variables of this file
# begin with zloom_; descriptors 3 to 6 are taken. The bytes are zloom-sh's, which came with the
# node and is named by ZLOOM_SH (docs/workers.md).

zloom_emit () {
    "$ZLOOM_SH" emit "$@" || exit 70
}

zloom_progress () {
    "$ZLOOM_SH" progress "$@" || exit 70
}

# They end the handler, or the subshell of it that they are called in: what is said first counts.
zloom_retry () {
    "$ZLOOM_SH" retry "$@"
    exit 75
}

zloom_reject () {
    "$ZLOOM_SH" reject "$@"
    exit 65
}

zloom_run () {
    if ! { true <&3 && true >&4; } 2>/dev/null || [ -z "${ZLOOM_SH:-}" ]; then
        echo "zloom: descriptors 3 and 4 are not open: this program is started by a worker node" \
            "with \`io: frames\` (see docs/workers.md)" >&2
        exit 1
    fi
    # The body, and what the handler says, in files that have no name any more.
    zloom_place=$(mktemp -d) || exit 1
    : >"$zloom_place/body" && : >"$zloom_place/said" || exit 1
    exec 5<>"$zloom_place/body" 6<>"$zloom_place/said"
    rm -r "$zloom_place"
    "$ZLOOM_SH" ready || exit
    zloom_status=
    while :; do
        zloom_code=0
        zloom_message=$("$ZLOOM_SH" next $zloom_status) || zloom_code=$?
        case $zloom_code in
        0) eval "$zloom_message" ;;
        1) exit 0 ;; # there are no more
        *) exit "$zloom_code" ;;
        esac
        # Not in a condition: there `set -e` would mean nothing in the handler.
        set +e
        (
            set -e
            "$1"
        ) </dev/fd/5 5<&-
        zloom_status=$?
    done
}
