#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What test_contract.py asks of each language: a message's body says what to do with it.
. "$ZLOOM_HELPERS/zloom.sh"

handle () {
    what=$(head -c 5 | tr -d '\0')
    if [ "$what" = "echo " ]; then
        zloom_emit # what is left of the body
        return
    fi
    what=$what$(cat)
    case $what in
    nothing) ;;
    json) zloom_emit '{"a":[1,null,"ä"]}' ;;
    describe)
        zloom_emit "$ZLOOM_FLOW|$ZLOOM_ATTEMPT|$ZLOOM_KEY|$ZLOOM_TOPIC|$ZLOOM_ID|$ZLOOM_SENT_MS|$(
            )$ZLOOM_REDELIVERED|${ZLOOM_ATTRS#source=}"
        ;;
    large) head -c 200000 /dev/zero | tr '\0' x | zloom_emit ;;
    huge)
        for _ in 1 2 3; do
            head -c 3000000 /dev/zero | tr '\0' x | zloom_emit
        done
        ;;
    several)
        for value in a b c; do
            zloom_emit "$value"
        done
        ;;
    emit)
        printf x | zloom_emit --flow=out --topic=a.b --key=k --attr.source=s --delay=1.5 \
            --expires=60 --priority=0 --id=order-1
        zloom_emit --priority=9 y
        ;;
    bad-emit) zloom_emit --priority=10 x ;;
    retry) zloom_retry "not now" ;;
    retry-in)
        zloom_emit lost
        zloom_retry later 0.5
        ;;
    reject) zloom_reject never ;;
    wrong)
        false
        zloom_emit "what comes after a command that failed"
        ;;
    progress)
        zloom_progress
        zloom_progress 1.5
        zloom_emit done
        ;;
    say)
        echo "for people"
        echo "for people, too" >&2
        ;;
    exit) kill -TERM $$ ;;
    die) kill -KILL $$ ;;
    *) zloom_reject "what is '$what'?" ;;
    esac
}

zloom_run handle
