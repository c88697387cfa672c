# SPDX-License-Identifier: MPL-2.0
"""zloom.py - write a worker in ten lines.

    import zloom

    def charge(message):
        order = message.json()
        if order["cents"] <= 0:
            raise zloom.Reject("an order must cost something")   # never again: a dead letter
        if not bank_is_open():
            raise zloom.Retry("the bank is closed", delay=60)    # again, in a minute
        return {"id": order["id"], "paid": True}                 # acknowledged, and sent on

    zloom.run(charge)

In the recipe: `{kind: worker, run: [python3, charge.py], io: frames}`.

What a handler does, and what comes of it:
    returns None                acknowledged
    returns a value             acknowledged, and the value is sent to the node's only out-flow
    yields values               the same with each of them
    message.emit (v, flow=…)    sends v when the message is acknowledged; as often as you like
    returns or yields zloom.Emit (v, key=…, delay=…)    a value, and what is to be known of it
    raises zloom.Retry          failed: again after the delay, or the flow's own backoff
    raises zloom.Reject         failed for good
    raises anything else        failed, with the traceback as the cause
What was acknowledged and what was sent happen together, or neither does.

Values: bytes as they are, str as UTF-8, anything else as JSON on one line. On a flow with a key,
the node finds it in the value (JSON); `key=` is for values that do not hold it.

print() is for people: it goes to the node's log. One file, and nothing but the standard library:
copy it anywhere. docs/workers.md describes the bytes.
"""
import json
import math
import os
import struct
import sys
import traceback
import types

VERSION = 1
READY, WORK, STARTED, PROGRESS, DONE = 1, 2, 3, 4, 5
ACK, RETRY, REJECT = 0, 1, 2
TEXT_BYTES = 4096
STEP_BYTES = 6 << 20
KEY_BYTES, ID_BYTES, PRIORITIES = 256, 64, range(10)


class Retry(Exception):
    """Failed for now. `delay` in seconds; without it the flow's backoff decides."""

    def __init__(self, text="", delay=None):
        super().__init__(text)
        self.delay = delay


class Reject(Exception):
    """Failed for good: the message goes to the dead letters."""


class ProtocolError(Exception):
    """The node wrote bytes that make no sense."""


class Emit:
    """A value to send, and what is to be known of it.

    flow      which one; a node with one out-flow need not say
    topic     of a bus
    key       str or bytes, of a flow with a key whose values do not hold it
    delay     not handed out before so many seconds from now
    expires   worthless after so many seconds
    priority  0 to 9, 9 goes first
    id        str or bytes, the sender's own: a flow with `dedup` takes it once
    """

    def __init__(self, value, flow=None, topic=None, key=None, attrs=None, delay=None,
                 expires=None, priority=None, id=None):
        if isinstance(priority, bool):
            raise TypeError("priority is 0 to 9")
        if priority is not None and priority not in PRIORITIES:
            raise ValueError(f"priority is 0 to 9, not {priority!r}")
        self.fields = [_body(value), _text("flow", flow), _text("topic", topic),
                       _name("key", key, KEY_BYTES), _attrs(attrs),
                       _ms("delay", delay), _ms("expires", expires), priority,
                       _name("id", id, ID_BYTES)]
        while self.fields[-1] is None:
            self.fields.pop()


class Message:
    """One message: body (bytes), flow, key, topic, attrs, attempt (1 is the first), id."""

    def __init__(self, worker, fields):
        fields = list(fields) + [None] * (10 - len(fields))
        self._worker = worker
        (self._number, self.flow, self.attempt, self.body, self.key, self.topic, self.attrs,
         self.sent_ms, self.id, self.redelivered) = fields[:10]
        self._emits = []

    def json(self):
        """The body as JSON. What is none will never be: it is rejected."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Reject(f"the body is not JSON: {error}") from None

    def text(self):
        """The body as UTF-8."""
        return self.body.decode("utf-8")

    def emit(self, value, flow=None, **known):
        """Send `value` when this message is acknowledged; `known` as Emit has it, or an Emit."""
        emit = value if isinstance(value, Emit) else Emit(value, flow, **known)
        self._emits.append(emit.fields)

    def progress(self, seconds=None):
        """Still at work: the message stays ours for as long again, or for so many seconds."""
        extend = None if seconds is None else int(seconds * 1000)
        self._worker.say([PROGRESS, [self._number], extend])


def run(handler, most=None):
    """Handle messages until the node has no more. `most`: how many wait here; None: prefetch."""
    try:
        inbox, outbox = os.fdopen(3, "rb"), os.fdopen(4, "wb", 0)
    except OSError:
        sys.exit("zloom: descriptors 3 and 4 are not open: this program is started by a worker "
                 "node with `io: frames` (see docs/workers.md)")
    try:
        _Worker(handler, inbox, outbox, most).serve()
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # the node has gone


class _Worker:
    def __init__(self, handler, inbox, outbox, most):
        self.handler, self.inbox, self.outbox, self.most = handler, inbox, outbox, most
        self.waiting = b""

    def say(self, frame, more=False):
        """Write a frame; with `more` it may wait for the next one."""
        packed = pack(frame)
        self.waiting += struct.pack(">I", len(packed)) + packed
        if not more:
            data, self.waiting = memoryview(self.waiting), b""
            while data:
                data = data[self.outbox.write(data):]

    def hear(self):
        head = self.inbox.read(4)
        if not head:
            return None
        size = struct.unpack(">I", head)[0] if len(head) == 4 else 1
        data = self.inbox.read(size)
        if len(data) != size:
            raise ProtocolError("the node left in the middle of a frame")
        return unpack(data)

    def serve(self):
        self.say([READY, VERSION, self.most])
        while True:
            frame = self.hear()
            if frame is None:
                return
            if frame[0] == READY and frame[1] != VERSION:
                sys.exit(f"zloom.py speaks version {VERSION} of the frames, the node {frame[1]}: "
                         "use the zloom.py that came with it")
            if frame[0] == WORK:
                self.work([Message(self, fields) for fields in frame[1]])

    def work(self, messages):
        """A verdict waits for the mark of the next message, so both are one write."""
        for message in messages:
            self.say([STARTED, [message._number]])
            verdict = self.handle(message)
            self.say([DONE, [verdict]], more=message is not messages[-1])

    def handle(self, message):
        try:
            result = self.handler(message)
            if isinstance(result, types.GeneratorType):
                for value in result:
                    message.emit(value)
            elif result is not None:
                message.emit(result)
            if sum(len(fields[0]) for fields in message._emits) > STEP_BYTES:
                raise Reject("it emits more than one step may have")
            return [message._number, ACK, None, None, message._emits]
        except Retry as error:
            delay = None if error.delay is None else max(0, int(error.delay * 1000))
            return [message._number, RETRY, delay, _cut(str(error))]
        except Reject as error:
            return [message._number, REJECT, None, _cut(str(error))]
        except Exception:  # whatever user code raises
            text = traceback.format_exc()
            print(text, file=sys.stderr, end="", flush=True)
            return [message._number, RETRY, None, _cut(text)]


def _cut(text):
    """The end of a text, as long as a cause may be."""
    data = text.encode("utf-8", "replace")[-TEXT_BYTES:]
    return data.decode("utf-8", "ignore")


# What makes no frame is found where it is said, and fails that message: a frame that cannot be read
# would end the whole worker.

def _text(what, value):
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    value.encode("utf-8")
    return value


def _attrs(attrs):
    if attrs is None:
        return None
    if not isinstance(attrs, dict):
        raise TypeError(f"attrs are a dict, not {type(attrs).__name__}")
    for name in attrs:
        _text("the name of an attribute", name)
    pack(attrs)
    return attrs


def _name(what, value, most):
    data = value.encode("utf-8") if isinstance(value, str) else value
    if data is not None and not isinstance(data, (bytes, bytearray)):
        raise TypeError(f"{what} is str or bytes, not {type(data).__name__}")
    if data is not None and len(data) > most:
        raise ValueError(f"{what} has {len(data)} bytes, at most {most} are taken")
    return data


def _ms(what, seconds):
    """Up to the next millisecond: nothing is due too early."""
    if seconds is not None and seconds < 0:
        raise ValueError(f"{what} counts from now, in seconds: {seconds!r}")
    return None if seconds is None else math.ceil(seconds * 1000)


def _body(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


# ---- as much of msgpack as frames need --------------------------------------------------------

def pack(value):
    """msgpack: None, bool, int, float, str, bytes, list, tuple, dict."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def _sized(out, size, forms):
    """The head of a value with a size: `forms` are (limit, code, struct format)."""
    for limit, code, form in forms:
        if size < limit:
            out += bytes([code | size]) if form is None else struct.pack(">B" + form, code, size)
            return
    raise ValueError("too big for msgpack")


_STR = ((32, 0xa0, None), (1 << 8, 0xd9, "B"), (1 << 16, 0xda, "H"), (1 << 32, 0xdb, "I"))
_BIN = ((1 << 8, 0xc4, "B"), (1 << 16, 0xc5, "H"), (1 << 32, 0xc6, "I"))
_ARRAY = ((16, 0x90, None), (1 << 16, 0xdc, "H"), (1 << 32, 0xdd, "I"))
_MAP = ((16, 0x80, None), (1 << 16, 0xde, "H"), (1 << 32, 0xdf, "I"))
_UINT = ((1 << 7, "B", None), (1 << 8, "B", 0xcc), (1 << 16, "H", 0xcd), (1 << 32, "I", 0xce),
         (1 << 64, "Q", 0xcf))
_INT = ((1 << 5, "b", None), (1 << 7, "b", 0xd0), (1 << 15, "h", 0xd1), (1 << 31, "i", 0xd2),
        (1 << 63, "q", 0xd3))


def _pack_int(value, out):
    for limit, form, code in _UINT if value >= 0 else _INT:
        if -limit <= value < limit:
            out += struct.pack(">" + form, value) if code is None else struct.pack(
                ">B" + form, code, value)
            return
    raise ValueError("integer too big for msgpack")


def _pack(value, out):
    if value is None:
        out.append(0xc0)
    elif isinstance(value, bool):
        out.append(0xc3 if value else 0xc2)
    elif isinstance(value, int):
        _pack_int(value, out)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xcb, value)
    elif isinstance(value, str):
        data = value.encode("utf-8")
        _sized(out, len(data), _STR)
        out += data
    elif isinstance(value, (bytes, bytearray)):
        _sized(out, len(value), _BIN)
        out += value
    elif isinstance(value, (list, tuple)):
        _sized(out, len(value), _ARRAY)
        for item in value:
            _pack(item, out)
    elif isinstance(value, dict):
        _sized(out, len(value), _MAP)
        for name, item in value.items():
            _pack(name, out)
            _pack(item, out)
    else:
        raise TypeError(f"msgpack has no {type(value).__name__}")


def unpack(data):
    """The one value that `data` is. ProtocolError when it is none."""
    try:
        value, at = _unpack(data, 0)
    except (struct.error, IndexError, UnicodeDecodeError, KeyError) as error:
        raise ProtocolError(f"malformed msgpack: {error}") from None
    if at != len(data):
        raise ProtocolError("bytes after the end")
    return value


_NUMBERS = {0xca: "f", 0xcb: "d", 0xcc: "B", 0xcd: "H", 0xce: "I", 0xcf: "Q",
            0xd0: "b", 0xd1: "h", 0xd2: "i", 0xd3: "q"}
_SIZES = {0xc4: ("bin", "B"), 0xc5: ("bin", "H"), 0xc6: ("bin", "I"), 0xd9: ("str", "B"),
          0xda: ("str", "H"), 0xdb: ("str", "I"), 0xdc: ("array", "H"), 0xdd: ("array", "I"),
          0xde: ("map", "H"), 0xdf: ("map", "I")}
_PLAIN = {0xc0: None, 0xc2: False, 0xc3: True}


def _unpack(data, at):
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if code >= 0xe0:
        return code - 0x100, at
    if code < 0x90:
        return _content(data, at, "map", code & 0x0f)
    if code < 0xa0:
        return _content(data, at, "array", code & 0x0f)
    if code < 0xc0:
        return _content(data, at, "str", code & 0x1f)
    if code in _PLAIN:
        return _PLAIN[code], at
    if code in _NUMBERS:
        form = ">" + _NUMBERS[code]
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    kind, form = _SIZES[code]
    size = struct.unpack_from(">" + form, data, at)[0]
    return _content(data, at + struct.calcsize(form), kind, size)


def _content(data, at, kind, size):
    if kind in ("bin", "str"):
        content = bytes(data[at:at + size])
        if len(content) != size:
            raise IndexError("ends too early")
        return (content if kind == "bin" else content.decode("utf-8")), at + size
    items = []
    for _ in range(size * (2 if kind == "map" else 1)):
        item, at = _unpack(data, at)
        items.append(item)
    if kind == "array":
        return items, at
    return dict(zip(items[::2], items[1::2])), at
