# SPDX-License-Identifier: MPL-2.0
"""zloom.py by itself: its msgpack, its values, and what a handler's end becomes."""
import io
import os
import struct
import sys
import unittest

sys.path.insert(0, os.environ["ZLOOM_HELPERS"])
import zloom  # noqa: E402


class Msgpack(unittest.TestCase):
    def test_values_come_back(self):
        for value in (None, True, False, 1.5, "", "a" * 31, "a" * 32, "a" * 255, "a" * 256,
                      "ä" * 40000, b"", b"x" * 255, b"x" * 256, b"x" * 70000, [], [1] * 15,
                      [1] * 16, [2] * 70000, {}, {"a": [1, {"b": None}]},
                      {str(i): i for i in range(20)}, {str(i): i for i in range(70000)}):
            self.assertEqual(zloom.unpack(zloom.pack(value)), value)

    def test_integers_are_as_short_as_they_can_be(self):
        for value, size in ((0, 1), (127, 1), (128, 2), (255, 2), (256, 3), (65535, 3), (65536, 5),
                            (2**32 - 1, 5), (2**32, 9), (2**64 - 1, 9), (-1, 1), (-32, 1),
                            (-33, 2), (-128, 2), (-129, 3), (-32768, 3), (-32769, 5),
                            (-2**31, 5), (-2**31 - 1, 9), (-2**63, 9)):
            self.assertEqual(zloom.unpack(zloom.pack(value)), value)
            self.assertEqual(len(zloom.pack(value)), size, value)

    def test_bytes_are_those_of_the_specification(self):
        self.assertEqual(zloom.pack([1, "a", b"b", None, {"k": -1}]).hex(),
                         "9501a161c40162c081a16bff")

    def test_what_has_no_form_is_refused(self):
        for value in (2**64, -2**63 - 1):
            with self.assertRaises(ValueError):
                zloom.pack(value)
        with self.assertRaises(TypeError):
            zloom.pack(object())

    def test_every_cut_is_refused(self):
        data = zloom.pack([1, "abc", b"def", 70000, 1.5, {"k": [None]}])
        for size in range(len(data)):
            with self.assertRaises(zloom.ProtocolError, msg=size):
                zloom.unpack(data[:size])
        with self.assertRaises(zloom.ProtocolError):
            zloom.unpack(data + b"\0")
        with self.assertRaises(zloom.ProtocolError):
            zloom.unpack(b"\xc1")


class Pipe(io.RawIOBase):
    """A descriptor that takes a few bytes at a time."""

    def __init__(self):
        super().__init__()
        self.data = b""
        self.writes = 0

    def write(self, data):
        self.writes += 1
        taken = bytes(data[:1000])
        self.data += taken
        return len(taken)


def frames(data):
    found = []
    while data:
        size = struct.unpack(">I", data[:4])[0]
        found.append(zloom.unpack(data[4:4 + size]))
        data = data[4 + size:]
    return found


def serve(handler, *bodies, most=None):
    """What the worker says to WORK with these bodies."""
    fields = [[number, "in", 1, body, b"k", "t", None, 5, f"shop/{number}", False]
              for number, body in enumerate(bodies, 1)]
    hello = zloom.pack([1, 1, "work", ["in"], ["out"], 64])
    work_frame = zloom.pack([2, fields])
    inbox = io.BytesIO(struct.pack(">I", len(hello)) + hello
                       + struct.pack(">I", len(work_frame)) + work_frame)
    outbox = Pipe()
    zloom._Worker(handler, inbox, outbox, most).serve()
    return outbox


class Handlers(unittest.TestCase):
    def done(self, handler, body=b"x"):
        said = frames(serve(handler, body).data)
        self.assertEqual(said[:2], [[1, 1, None], [3, [1]]])
        self.assertEqual(len(said), 3)
        self.assertEqual(said[2][0], 5)
        return said[2][1][0]

    def test_values(self):
        self.assertEqual(self.done(lambda m: None), [1, 0, None, None, []])
        for value, body in ((b"x", b"x"), ("ä", "ä".encode()), ({"a": 1}, b'{"a":1}'),
                            ([1, 2], b"[1,2]"), (0, b"0"), (False, b"false"), ("", b"")):
            self.assertEqual(self.done(lambda m, v=value: v),
                             [1, 0, None, None, [[body]]])

    def test_emit_names_everything(self):
        def handler(message):
            message.emit("x", flow="out", topic="a.b", key="k", attrs={"source": "s"})
        self.assertEqual(self.done(handler)[4], [[b"x", "out", "a.b", b"k", {"source": "s"}]])

    def test_emits_say_what_is_to_be_known_of_them(self):
        def handler(message):
            message.emit("a", delay=1.5, expires=60)
            message.emit("b", priority=0)
            message.emit(zloom.Emit("c", "out", id="order-1"))
            yield zloom.Emit({"d": 1}, key=message.key, priority=9)
            yield "e"
        self.assertEqual(self.done(handler)[4], [
            [b"a", None, None, None, None, 1500, 60000],
            [b"b", None, None, None, None, None, None, 0],
            [b"c", "out", None, None, None, None, None, None, b"order-1"],
            [b'{"d":1}', None, None, b"k", None, None, None, 9],
            [b"e"]])
        self.assertEqual(self.done(lambda m: zloom.Emit("x", delay=0.0001))[4],
                         [[b"x", None, None, None, None, 1]])

    def test_what_cannot_be_known_of_an_emit(self):
        for known in ({"delay": -1}, {"expires": -0.1}, {"priority": 10}, {"priority": "high"},
                      {"key": "k" * 257}, {"id": b"i" * 65}, {"topic": "\udcff"},
                      {"attrs": {"a": "\udcff"}}, {"attrs": {"\udcff": 1}}):
            with self.assertRaises(ValueError, msg=known):
                zloom.Emit("x", **known)
        for known in ({"flow": 5}, {"topic": b"t"}, {"key": 5}, {"id": 5}, {"attrs": [1]},
                      {"attrs": {1: 2}}, {"attrs": {"a": {}.keys()}}, {"priority": True}):
            with self.assertRaises(TypeError, msg=known):
                zloom.Emit("x", **known)
        with self.assertRaises(TypeError):
            zloom.Emit("x", prioritty=1)

    def test_a_failure_emits_nothing(self):
        def handler(message):
            yield "first"
            raise zloom.Retry("later", delay=0.5)
        self.assertEqual(self.done(handler), [1, 1, 500, "later"])

    def test_rejects(self):
        def handler(message):
            raise zloom.Reject("never")
        self.assertEqual(self.done(handler), [1, 2, None, "never"])
        self.assertEqual(self.done(lambda m: m.json(), b"{")[:2], [1, 2])

    def test_other_exceptions_are_retries_with_the_end_of_their_traceback(self):
        saved, sys.stderr = sys.stderr, io.StringIO()
        try:
            def handler(message):
                raise KeyError("ä" * 5000 + "the end")
            verdict = self.done(handler)
        finally:
            sys.stderr = saved
        self.assertEqual(verdict[:3], [1, 1, None])
        self.assertLessEqual(len(verdict[3].encode()), 4096)
        self.assertTrue(verdict[3].rstrip().endswith("the end'"))

    def test_a_message_says_what_it_is(self):
        seen = []

        def handler(message):
            seen.append((message.flow, message.attempt, message.body, message.key, message.topic,
                         message.id, message.sent_ms, message.redelivered, message.text()))
        self.done(handler, b"hi")
        self.assertEqual(seen, [("in", 1, b"hi", b"k", "t", "shop/1", 5, False, "hi")])

    def test_a_verdict_and_the_next_mark_are_one_write(self):
        outbox = serve(lambda m: None, b"a", b"b", b"c", most=2)
        self.assertEqual(frames(outbox.data)[0], [1, 1, 2])
        self.assertEqual([frame[0] for frame in frames(outbox.data)], [1, 3, 5, 3, 5, 3, 5])
        self.assertEqual(outbox.writes, 5)

    def test_large_answers_go_in_pieces(self):
        self.assertEqual(self.done(lambda m: "x" * 100000)[4][0][0], b"x" * 100000)


if __name__ == "__main__":
    unittest.main()
