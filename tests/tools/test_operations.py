# SPDX-License-Identifier: MPL-2.0
"""docs/operations.md tells of every log line, exit code and counter that there is, and of no other.

The tables are compared with the sources, so that neither can change without the other.
"""

import glob
import os
import re
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LOG_CALL = re.compile(r"\bzloom_log \(([^;]*?),\s+(\"[a-z-]+\"|\w+),\s", re.DOTALL)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def sources():
    for layer in ("lib", "nodes", "patterns"):
        for path in sorted(glob.glob(os.path.join(ROOT, layer, "**", "*.c"), recursive=True)):
            yield path, read(path)


def section(text, title):
    """What stands under a heading, up to the next one of any level."""
    found = re.search(rf"(?ms)^#+ (?:\d+\. )?{re.escape(title)}\n(.*?)(?=^#|\Z)", text)
    if not found:
        raise AssertionError(f"docs/operations.md has no section '{title}'")
    return found.group(1)


def rows(text):
    """The cells of each table row below its head."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")]
             for line in (line.strip() for line in text.splitlines()) if line.startswith("|")]
    body = []
    for at, row in enumerate(cells):
        head = at + 1 < len(cells) and set(cells[at + 1][0]) <= set("-|")
        if not head and not set(row[0]) <= set("-|"):
            body.append(row)
    return body


def logged():
    """{id: levels} of every log line that the sources can write."""
    found = {}
    wrapped = 0
    for path, text in sources():
        if path.endswith(os.path.join("base", "log.c")):
            continue
        # The file of `zloom logs` has lines of its own, which are in no stream.
        for level, name in re.findall(r'"(info|warn|error) ([a-z]+-[a-z-]+) [a-z]+=', text):
            found.setdefault(name, set()).add(level)
        for levels, name in LOG_CALL.findall(text):
            words = [word.lower() for word in re.findall(r"ZLOOM_LOG_([A-Z]+)", levels)]
            if name.startswith('"'):
                found.setdefault(name.strip('"'), set()).update(words)
                continue
            # A function that passes the id on: its callers name it.
            wrapped += 1
            names = re.findall(r"\bs_complain \([^;]*?\"([a-z]+-[a-z-]+)\"", text)
            if not names:
                raise AssertionError(f"{path}: who names the log line of this zloom_log?")
            for name_told in names:
                found.setdefault(name_told, set()).update(words)
    return found, wrapped


class Operations(unittest.TestCase):
    def setUp(self):
        self.text = read("docs", "operations.md")

    def test_each_log_line_has_its_row_and_level(self):
        found, wrapped = logged()
        self.assertGreater(len(found), 50)
        self.assertEqual(wrapped, 1)
        told = {row[0].strip("`"): set(re.findall(r"\w+", row[1]))
                for row in rows(section(self.text, "Log lines"))}
        self.maxDiff = None
        self.assertEqual(told, found)

    def test_rows_are_sorted_and_say_something(self):
        table = rows(section(self.text, "Log lines"))
        names = [row[0] for row in table]
        self.assertEqual(names, sorted(names))
        for row in table:
            self.assertEqual(len(row), 3, row)
            self.assertGreater(len(row[2]), 10, row)

    def test_each_exit_code_has_its_row(self):
        codes = {int(code) for code in re.findall(r"ZLOOM_EXIT_\w+ = (\d+)",
                                                  read("nodes", "zloom", "cli.h"))}
        codes |= {int(code) for code in re.findall(r"return (\d+);", read("nodes", "node.h"))}
        final = re.search(r"zloom_unit_exit_is_final.*?return true",
                          read("lib", "launch", "unit.c"), re.DOTALL).group(0)
        final = {int(code) for code in re.findall(r"case (\d+):", final)}
        told = {int(row[0]): row[2] for row in rows(section(self.text, "Exit codes"))}
        self.assertEqual(set(told), codes | final)
        self.assertEqual({code for code, again in told.items() if again == "no"}, final | {0})

    def test_each_counter_of_a_flow_has_its_row(self):
        macro = re.search(r"#define ZLOOM_FLOW_STAT_MAP\(X\)(.*?)\n\n",
                          read("patterns", "common", "shown.h"), re.DOTALL).group(1)
        counters = re.findall(r"X \((\w+), \"([^\"]+)\"\)", macro)
        self.assertGreater(len(counters), 15)
        told = [(row[0].strip("`"), row[1]) for row in
                rows(section(self.text, "Counters of a flow"))]
        self.assertEqual(told, counters)

    def test_each_cause_has_its_row(self):
        causes = re.findall(r"X \(\w+, \"(\w+)\", +\"([^\"]+)\"\)",
                            read("nodes", "zloom", "why.h"))
        self.assertGreater(len(causes), 15)
        told = [(row[0].strip("`"), row[1]) for row in rows(section(self.text, "Why"))]
        self.assertEqual(told, causes)

    def test_each_name_of_a_report_has_its_row(self):
        names = re.findall(r"X \((\w+), \"([^\"]+)\"\)", read("lib", "client", "report.h"))
        self.assertGreater(len(names), 15)
        told = [(row[0].strip("`"), row[1]) for row in
                rows(section(self.text, "What a node reports"))]
        self.assertEqual(told, names)

    def test_every_other_name_in_the_answer_is_told(self):
        names = re.findall(r"(?:zloom_encode_string|zloom_admin_pair) \(&?out, \"(\w+)\"",
                           read("lib", "engine", "admin_stats.c"))
        self.assertGreater(len(names), 30)
        text = section(self.text, "The rest of the answer")
        for name in set(names) - {"disk", "memory"}:
            self.assertIn(f"`{name}`", text)

    def test_only_commands_that_there_are(self):
        commands = set(re.findall(r"(?m)^ZLOOM_COMMAND \((\w+),",
                                  read("nodes", "zloom", "commands.def")))
        for path in ["README.md", *glob.glob(os.path.join(ROOT, "docs", "*.md")),
                     *glob.glob(os.path.join(ROOT, "patterns", "*", "README.md"))]:
            used = re.findall(r"(?m)(?:^\$ (?:sudo \S+ )*|`)zloom ([a-z]+)", read(path))
            with self.subTest(path=path):
                self.assertEqual(set(used) - commands, set())


if __name__ == "__main__":
    unittest.main()
