# SPDX-License-Identifier: MPL-2.0
"""Every link in the documentation leads to a file that is there, and to a heading in it."""

import os
import re
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
SKIPPED = {".git", "build"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def prose(text):
    """The text without its code."""
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", text)
    return re.sub(r"`[^`\n]*`", "", text)


def anchor(heading):
    """As GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


def anchors(path):
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", read(path))
    return {anchor(heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)}


def documents():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.join(folder, name)


def broken(path):
    """The links of one document that lead nowhere."""
    for target in LINK.findall(prose(read(path))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, place = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(there):
            yield f"{target}: no such file"
        elif place and place not in anchors(there):
            yield f"{target}: no such heading"


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        seen = 0
        for path in documents():
            seen += 1
            with self.subTest(document=os.path.relpath(path, ROOT)):
                self.assertEqual(list(broken(path)), [])
        self.assertGreater(seen, 8)

    def test_a_link_to_nowhere_is_seen(self):
        path = os.path.join(ROOT, "docs", "architecture.md")
        self.assertIn("1-the-idea", anchors(path))
        self.assertNotIn("no-such-heading", anchors(path))

    def test_every_document_is_linked_from_the_readme(self):
        linked = set(LINK.findall(prose(read(os.path.join(ROOT, "README.md")))))
        for name in os.listdir(os.path.join(ROOT, "docs")):
            target = f"docs/{name}"
            self.assertIn(target, linked)


if __name__ == "__main__":
    unittest.main()
