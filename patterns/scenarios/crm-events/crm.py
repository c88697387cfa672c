#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""The system that holds the customers' records: an update comes, it is stored, the world is told.

It names nobody. Which topic an event has is all that it says about who may want it."""
import zloom


def update(message):
    record = message.json()
    return zloom.Emit(record, topic=f"customer.{record['what']}")


zloom.run(update)
