#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Write N orders as JSON lines, the same ones each time: make_orders.py N > orders.jsonl

Of 100 orders, 5 have a bank that is busy at first, 1 a stolen card, 1 a wrong amount.
"""
import json
import random
import sys

ITEMS = [("kettle", 2499), ("lamp", 3990), ("notebook", 450), ("chair", 8900), ("mug", 990)]


def order(number, source):
    item, cents = source.choice(ITEMS)
    count = source.randint(1, 4)
    kind = number % 100
    card = "stolen" if kind == 37 else "busy" if kind in (3, 19, 42, 68, 91) else "fine"
    return {"id": number, "customer": f"c{source.randint(1, 2000):04}", "item": item,
            "count": count, "cents": -1 if kind == 77 else cents * count, "card": card}


def main():
    source = random.Random(7)
    for number in range(1, int(sys.argv[1]) + 1):
        sys.stdout.write(json.dumps(order(number, source)) + "\n")


main()
