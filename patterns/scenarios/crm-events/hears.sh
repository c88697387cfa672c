#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A system that hears of customers, in sh: it writes a line for each event.
. "$ZLOOM_HELPERS/zloom.sh"

hear () {
    printf '%s\n' "$(cat)" >> "$OUT"
}

zloom_run hear
