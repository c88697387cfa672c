# SPDX-License-Identifier: MPL-2.0
"""zloom.sh and zloom-sh by themselves: what cannot be said, and values that a shell could run."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from test_contract import ACK, DONE, HELPERS, READY, REJECT, RETRY, STARTED, WORK, Child, short


class Sh(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zloom-sh-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def handle(self, handler, **fields):
        """What becomes of one message; the verdict behind its number, emits cut to what is said."""
        script = self.folder / "worker.sh"
        script.write_text(f'. "$ZLOOM_HELPERS/zloom.sh"\nhandle () {{\n{handler}\n}}\n'
                          "zloom_run handle\n")
        known = {"body": b"body", "key": None, "topic": None, "attrs": None, **fields}
        with Child(("/bin/sh", str(script)), FOLDER=str(self.folder)) as child:
            child.hello()
            self.assertEqual(child.hear(), [READY, 1, 1])
            child.say([WORK, [[1, "in", 1, known["body"], known["key"], known["topic"],
                               known["attrs"], 5, "p/1", False, "a later version's"]]])
            self.assertEqual(child.hear(), [STARTED, [1]])
            frame = child.hear()
            self.assertEqual(child.end()[0], 0)
        self.assertEqual((frame[0], len(frame[1]), frame[1][0][0]), (DONE, 1, 1))
        _, verdict, delay, text, emits = frame[1][0]
        return verdict, delay, text, [short(emit) for emit in emits]

    def test_nothing_that_a_message_holds_is_run(self):
        evil = "'; touch $FOLDER/made; `touch $FOLDER/made` $(touch $FOLDER/made) \"\\\n;'"
        verdict = self.handle(
            'printf "%s|%s|%s|" "$ZLOOM_KEY" "$ZLOOM_TOPIC" "$ZLOOM_ATTRS" >"$FOLDER/said"\n'
            'cat >>"$FOLDER/said"', body=evil.encode(), key=evil.encode(), topic=evil,
            attrs={evil: evil, "n": 1})
        self.assertEqual(verdict[0], ACK)
        self.assertEqual((self.folder / "said").read_text(),
                         f"{evil}|{evil}|{evil}={evil}|{evil}")
        self.assertFalse((self.folder / "made").exists())

    def test_a_key_that_is_no_text_is_empty(self):
        self.handle('printf "%s" "<$ZLOOM_KEY>" >"$FOLDER/said"', key=b"a\0b")
        self.assertEqual((self.folder / "said").read_text(), "<>")

    def test_values(self):
        for words, body in (('x', b"x"), ('""', b""), ('"a=b --c"', b"a=b --c"),
                            ('-- --flow=x', b"--flow=x"), ('-- --', b"--"), ("-x", b"-x"),
                            ('"$(printf "two\\nlines")"', b"two\nlines"), ("", b"body")):
            self.assertEqual(self.handle(f"zloom_emit {words}"), (ACK, None, None, [[body]]),
                             words)

    def test_what_cannot_be_said(self):
        for words, text in (("--prioritty=1 x", "knows no such word"),
                            ("--priority=10 x", "priority is 0 to 9"),
                            ("--priority= x", "priority is 0 to 9"),
                            ("--delay=soon x", "delay takes seconds"),
                            ("--delay=-1 x", "delay takes seconds"),
                            ("--expires=nan x", "expires takes seconds"),
                            (f"--key={'k' * 257} x", "the key is too long"),
                            (f"--id={'i' * 65} x", "the id is too long"),
                            ("--attr.=x x", "an attribute has a name"),
                            ("--flow x", "knows no such word"),
                            ("one two", "takes one value")):
            verdict, delay, said, emits = self.handle(f"zloom_emit {words}; zloom_emit more")
            self.assertEqual((verdict, delay, emits), (RETRY, None, []), words)
            self.assertIn(text, said)
        self.assertIn("seconds", self.handle("zloom_retry text soon")[2])
        self.assertIn("seconds", self.handle("zloom_progress soon")[2])

    def test_the_first_verdict_counts(self):
        self.assertEqual(self.handle("(zloom_reject first) || true; zloom_retry second"),
                         (REJECT, None, "first", []))
        # A subshell ends by itself: what was said of the message stands.
        self.assertEqual(self.handle("echo x | zloom_reject never; zloom_emit y"),
                         (REJECT, None, "never", []))

    def test_exit_codes_are_those_of_exec(self):
        for code, verdict, text in ((65, REJECT, None), (75, RETRY, None),
                                    (3, RETRY, "the handler ended with exit code 3")):
            for how in ("exit", "return"):
                said = self.handle(f"zloom_emit lost; {how} {code}")
                self.assertEqual((said[0], said[2] or None, said[3]), (verdict, text, []), how)

    def test_more_than_a_step_may_have(self):
        verdict = self.handle("for i in 1 2 3; do head -c 3000000 /dev/zero | zloom_emit; done")
        self.assertEqual(verdict[:1] + verdict[2:],
                         (REJECT, "it emits more than one step may have", []))

    def test_a_text_is_cut_to_its_end(self):
        verdict = self.handle('zloom_reject "$(head -c 9000 /dev/zero | tr "\\0" x)the end"')
        self.assertEqual(len(verdict[2]), 4096)
        self.assertTrue(verdict[2].endswith("the end"))

    def test_what_is_no_utf8_is_told_all_the_same(self):
        cut = self.handle('zloom_reject "x$(head -c 9000 /dev/zero | sed "s/\\x00/é/g")"')[2]
        self.assertLessEqual(len(cut.encode()), 4096)
        self.assertEqual(set(cut), {"é"})
        self.assertEqual(self.handle('zloom_reject "$(printf "a\\377b")"')[2], "a?b")
        verdict = self.handle('zloom_emit --flow="$(printf "a\\377b")" x')
        self.assertEqual((verdict[0], verdict[3]), (RETRY, []))
        self.assertIn("UTF-8", verdict[2])
        self.assertIn("UTF-8", self.handle('zloom_emit --attr.a="$(printf "\\377")" x')[2])

    def test_nothing_is_left_behind(self):
        place = self.folder / "tmp"
        place.mkdir()
        os.environ["TMPDIR"] = str(place)
        self.addCleanup(os.environ.pop, "TMPDIR")
        self.handle(f'ls "{place}" >"$FOLDER/seen"')
        self.assertEqual(list(place.iterdir()), [])
        self.assertEqual((self.folder / "seen").read_text(), "")

    def test_by_hand_it_says_that_it_is_not_for_hands(self):
        for words in ([], ["help"]):
            done = subprocess.run([os.environ["ZLOOM_SH"], *words], capture_output=True, text=True,
                                  check=False, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("not by hand", done.stderr)
        self.assertTrue((pathlib.Path(HELPERS) / "zloom.sh").exists())


if __name__ == "__main__":
    unittest.main()
