#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Charge an order: most are paid, some cards answer late, some orders are wrong for good."""
import time

import zloom


def charge(message):
    order = message.json()
    if order["cents"] <= 0:
        raise zloom.Reject("an order must cost something")
    if order["card"] == "busy" and message.attempt <= 2:
        raise zloom.Retry("the bank is busy")
    if order["card"] == "stolen":
        raise zloom.Retry("the bank says no")
    return {"id": order["id"], "customer": order["customer"], "cents": order["cents"],
            "waited_ms": round(time.time() * 1000 - message.sent_ms), "paid": True}


zloom.run(charge)
