# SPDX-License-Identifier: MPL-2.0
"""What every bench has in common: runs, medians, and the line that tells a figure.

A case and its yardstick run in turn (ours, theirs, ours, theirs, ...), so that both see the same
hour of the same machine. Values are medians, and so is the ratio of value to yardstick.
"""
import json
import statistics

FIELDS = ("bench", "case", "value", "unit", "yardstick", "yardstick_value", "ratio", "runs", "min",
          "max")


class Failure(Exception):
    """A bench could not measure, or what it measured is wrong; the text says how."""


class LeftOut(Exception):
    """What a case needs is not here; the text says what."""


def rounded(value):
    """Four digits that mean something."""
    if value is None or value == 0:
        return value
    value = float(f"{value:.4g}")
    return int(value) if value.is_integer() and abs(value) >= 1000 else value


class Figure:
    """One case: its values and its yardstick's, in pairs."""

    def __init__(self, bench, case, unit, yardstick):
        self.bench, self.case, self.unit, self.yardstick = bench, case, unit, yardstick
        self.ours, self.theirs = [], []

    def add(self, ours, theirs):
        self.ours.append(ours)
        self.theirs.append(theirs)

    def line(self):
        value, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        row = (self.bench, self.case, rounded(value), self.unit, self.yardstick, rounded(theirs),
               rounded(value / theirs) if theirs else None, len(self.ours),
               rounded(min(self.ours)), rounded(max(self.ours)))
        return json.dumps(dict(zip(FIELDS, row)))


class Case:
    """What `run --case` can name: `measure (options)` gives one or more figures."""

    def __init__(self, name, measure):
        self.name, self.measure = name, measure


def pairs(options, figures, ours, theirs):
    """Fill `figures` by turns; `ours` and `theirs` give one value, or one for each figure."""
    for _ in range(options.runs):
        values, yardsticks = ours(), theirs()
        if len(figures) == 1:
            values, yardsticks = (values,), (yardsticks,)
        for figure, value, yardstick in zip(figures, values, yardsticks, strict=True):
            figure.add(value, yardstick)
    return figures


def plain(bench, name, unit, yardstick, ours, theirs):
    """A case with one figure; `ours` and `theirs` take the options."""
    def measure(options):
        return pairs(options, [Figure(bench, name, unit, yardstick)], lambda: ours(options),
                     lambda: theirs(options))
    return Case(name, measure)
