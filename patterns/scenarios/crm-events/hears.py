#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A system that hears of customers: it writes a line for each event, and may take its time."""
import os
import time

import zloom

OUT = open(os.environ["OUT"], "a", buffering=1, encoding="utf-8")
PAUSE_S = int(os.environ.get("PAUSE_MS", "0")) / 1000


def hear(message):
    if PAUSE_S:
        time.sleep(PAUSE_S)
    OUT.write(f"{message.body.decode()}\n")


zloom.run(hear)
