#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""What all crash scenarios of one run have checked together: summary.py RESULTS SCENARIO…

RESULTS is the folder that crash.py --results wrote to. Fails when a scenario is missing or failed,
when a message was lost or doubled, or when it was less than there has to be.
"""
import json
import pathlib
import sys

LEAST = {"recovered": 100, "confirmed": 1000000}
COLUMNS = ("recovered", "confirmed", "deliveries", "again", "lost", "doubled", "seconds")


def main(folder, scenarios):
    bad, total = [], dict.fromkeys(COLUMNS, 0)
    print(" ".join(f"{word:>10}" for word in COLUMNS), " scenario")
    for scenario in scenarios:
        path = pathlib.Path(folder) / f"{scenario}.json"
        result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"code": None}
        if result["code"] == 77:
            print(" " * 76, f"{scenario} (left out: it said why)")
            continue
        if result["code"] != 0:
            bad.append(f"{scenario} has {'failed' if path.exists() else 'not run'}")
        for word in COLUMNS:
            total[word] += result.get(word, 0)
        print(" ".join(f"{result.get(word, 0):>10}" for word in COLUMNS), f" {scenario}")
    print(" ".join(f"{total[word]:>10.0f}" for word in COLUMNS), " all")
    bad += [f"{total[word]} {word}" for word in ("lost", "doubled") if total[word]]
    bad += [f"only {total[word]} {word}, not {least}" for word, least in LEAST.items()
            if total[word] < least]
    print("\n".join(bad) if bad else "good")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
