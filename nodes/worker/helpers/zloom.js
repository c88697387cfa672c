// SPDX-License-Identifier: MPL-2.0
'use strict';
/*
 * zloom.js - write a worker in ten lines.
 *
 *     const zloom = require('zloom');
 *
 *     zloom.run(async (message) => {
 *         const order = message.json();
 *         if (order.cents <= 0) {
 *             throw new zloom.Reject('an order must cost something');     // a dead letter
 *         }
 *         if (!await bankIsOpen()) {
 *             throw new zloom.Retry('the bank is closed', {delay: 60});   // again, in a minute
 *         }
 *         return {id: order.id, paid: true};               // acknowledged, and sent on
 *     });
 *
 * In the recipe: `{kind: worker, run: [node, charge.js], io: frames}`. An ES module writes
 * `import {createRequire} from 'node:module'; const zloom = createRequire(import.meta.url)('zloom')`.
 *
 * What a handler does, and what comes of it (a promise counts as what it becomes):
 *     returns undefined or null       acknowledged
 *     returns a value                 acknowledged, and sent to the node's only out-flow
 *     is a generator                  the same with each value that it yields
 *     message.emit (v, {flow, …})     sends v when the message is acknowledged; as often as you like
 *     returns or yields zloom.Emit (v, {key, delay, …})   a value, and what is to be known of it
 *     throws zloom.Retry              failed: again after the delay, or the flow's own backoff
 *     throws zloom.Reject             failed for good
 *     throws anything else            failed, with the stack as the cause
 * What was acknowledged and what was sent happen together, or neither does.
 *
 * Values: Buffer and Uint8Array as they are, strings as UTF-8, anything else as JSON on one line.
 * On a flow with a key, the node finds it in the value (JSON); `key` is for values that do not hold
 * it.
 *
 * console.log is for people: it goes to the node's log. One file, and nothing but Node.js (18 and
 * on): copy it anywhere. docs/workers.md describes the bytes.
 */
const fs = require('node:fs');
const net = require('node:net');

const VERSION = 1;
const READY = 1, WORK = 2, STARTED = 3, PROGRESS = 4, DONE = 5;
const ACK = 0, RETRY = 1, REJECT = 2;
const STEP_BYTES = 6 << 20, TEXT_BYTES = 4096, KEY_BYTES = 256, ID_BYTES = 64;

/* Failed for now. `delay` in seconds; without it the flow's backoff decides. */
class Retry extends Error {
    constructor(text = '', {delay} = {}) {
        super(text);
        this.name = 'Retry';
        this.delay = delay;
    }
}

/* Failed for good: the message goes to the dead letters. */
class Reject extends Error {
    constructor(text = '') {
        super(text);
        this.name = 'Reject';
    }
}

/* The node wrote bytes that make no sense. */
class ProtocolError extends Error {
    constructor(text) {
        super(text);
        this.name = 'ProtocolError';
    }
}

const KNOWN = ['flow', 'topic', 'key', 'attrs', 'delay', 'expires', 'priority', 'id'];

/*
 * A value to send, and what is to be known of it.
 *
 * flow      which one; a node with one out-flow need not say
 * topic     of a bus
 * key       string or bytes, of a flow with a key whose values do not hold it
 * attrs     a plain object of attributes
 * delay     not handed out before so many seconds from now
 * expires   worthless after so many seconds
 * priority  0 to 9, 9 goes first
 * id        string or bytes, the sender's own: a flow with `dedup` takes it once
 */
class Emit {
    constructor(value, known = {}) {
        for (const name of Object.keys(known)) {
            if (!KNOWN.includes(name)) {
                throw new TypeError(`an emit has no '${name}': ${KNOWN.join(', ')}`);
            }
        }
        const {flow, topic, key, attrs, delay, expires, priority, id} = known;
        if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0
                                        && priority <= 9)) {
            throw new RangeError(`priority is 0 to 9, not ${String(priority)}`);
        }
        this.fields = [bodyOf(value), textOf('flow', flow), textOf('topic', topic),
                       nameOf('key', key, KEY_BYTES), attrsOf(attrs),
                       msOf('delay', delay), msOf('expires', expires), priority,
                       nameOf('id', id, ID_BYTES)].map((field) => field ?? null);
        while (this.fields[this.fields.length - 1] === null) {
            this.fields.pop();
        }
    }
}

/* One message: body (Buffer), flow, key, topic, attrs, attempt (1 is the first), id. */
class Message {
    #worker;
    #number;

    constructor(worker, fields) {
        this.#worker = worker;
        [this.#number, this.flow, this.attempt, this.body, this.key = null, this.topic = null,
         this.attrs = null, this.sent_ms = null, this.id = null, this.redelivered = false] = fields;
        this.redelivered = this.redelivered ?? false;
        this.emits = [];
    }

    get number() {
        return this.#number;
    }

    /* The body as JSON. What is none will never be: it is rejected. */
    json() {
        try {
            return JSON.parse(utf8(this.body));
        } catch (error) {
            throw new Reject(`the body is not JSON: ${error.message}`);
        }
    }

    /* The body as UTF-8. */
    text() {
        return utf8(this.body);
    }

    /* Send `value` when this message is acknowledged; `known` as Emit has it, or an Emit. */
    emit(value, known) {
        this.emits.push((value instanceof Emit ? value : new Emit(value, known)).fields);
    }

    /* Still at work: the message stays ours for as long again, or for so many seconds. */
    progress(seconds) {
        const extend = seconds === undefined ? null : Math.trunc(seconds * 1000);
        this.#worker.say([PROGRESS, [this.#number], extend]);
    }
}

/*
 * Handle messages until the node has no more; the promise is kept then. `most`: how many wait here,
 * by default what the recipe's prefetch says. `parallel`: how many are handled side by side, which
 * pays when handlers wait for something; those of one key never are.
 */
async function run(handler, {most = null, parallel = 1} = {}) {
    if (![3, 4].every(isPipe)) {
        console.error('zloom: descriptors 3 and 4 are not open: this program is started by a worker '
                      + 'node with `io: frames` (see docs/workers.md)');
        process.exit(1);
    }
    const worker = new Worker(handler, most, parallel, (data) => fs.writeSync(4, data));
    try {
        worker.say([READY, VERSION, most]);
        for await (const chunk of new net.Socket({fd: 3, readable: true, writable: false})) {
            worker.feed(chunk);
        }
        await worker.finish();
    } catch (error) {
        if (error.code !== 'EPIPE') {
            console.error(error.stack);
            process.exit(1);
        }
        process.exit(0); // the node has gone
    }
}

/* Node.js has descriptors of its own at 3 and 4 when nobody gives it any, but no pipes. */
function isPipe(fd) {
    try {
        const is = fs.fstatSync(fd);
        return is.isFIFO() || is.isSocket();
    } catch {
        return false;
    }
}

class Worker {
    constructor(handler, most, parallel, write) {
        this.handler = handler;
        this.most = most;
        this.parallel = parallel;
        this.write = write;
        this.pieces = [];    // read, and no whole frame yet
        this.size = 0;
        this.messages = [];  // to be handled
        this.busy = 0;
        this.waiting = [];   // packed, to be written with the next frame
        this.idle = null;    // told when nothing is left
        this.failure = null;
    }

    /* Write a frame; with `more` it may wait for the next one. */
    say(frame, more = false) {
        const packed = pack(frame);
        const head = Buffer.alloc(4);
        head.writeUInt32BE(packed.length);
        this.waiting.push(head, packed);
        if (!more) {
            let data = Buffer.concat(this.waiting);
            this.waiting = [];
            while (data.length > 0) {
                data = data.subarray(this.write(data));
            }
        }
    }

    feed(chunk) {
        this.pieces.push(chunk);
        this.size += chunk.length;
        while (this.failure === null && this.size >= 4) {
            if (this.pieces[0].length < 4) {
                this.pieces = [Buffer.concat(this.pieces)];
            }
            const size = this.pieces[0].readUInt32BE(0);
            if (this.size < 4 + size) {
                break;
            }
            const data = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
            const rest = data.subarray(4 + size);
            this.pieces = rest.length > 0 ? [rest] : [];
            this.size = rest.length;
            this.hear(unpack(data.subarray(4, 4 + size)));
        }
        if (this.failure !== null) {
            throw this.failure;
        }
    }

    hear(frame) {
        if (!Array.isArray(frame)) {
            throw new ProtocolError('a frame is an array');
        }
        if (frame[0] === READY && frame[1] !== VERSION) {
            throw new ProtocolError(`zloom.js speaks version ${VERSION} of the frames, the node `
                                    + `${frame[1]}: use the zloom.js that came with it`);
        }
        if (frame[0] === WORK) {
            this.messages.push(...frame[1].map((fields) => new Message(this, fields)));
            this.next();
        }
    }

    next() {
        while (this.busy < this.parallel && this.messages.length > 0) {
            this.busy++;
            this.work(this.messages.shift()).catch((error) => { this.failure = error; })
                .finally(() => {
                    this.busy--;
                    this.next();
                    if (this.idle && this.busy === 0) {
                        this.idle();
                    }
                });
        }
    }

    /* A verdict waits for the mark of the next message, so both are one write. */
    async work(message) {
        this.say([STARTED, [message.number]]);
        const verdict = await this.handle(message);
        this.say([DONE, [verdict]], this.parallel === 1 && this.messages.length > 0);
    }

    async handle(message) {
        try {
            const result = await this.handler(message);
            if (isGenerator(result)) {
                for await (const value of result) {
                    message.emit(value);
                }
            } else if (result !== undefined && result !== null) {
                message.emit(result);
            }
            if (message.emits.reduce((sum, fields) => sum + fields[0].length, 0) > STEP_BYTES) {
                throw new Reject('it emits more than one step may have');
            }
            return [message.number, ACK, null, null, message.emits];
        } catch (error) {
            if (error instanceof Retry) {
                const delay = error.delay === undefined || error.delay === null
                    ? null : Math.max(0, Math.trunc(error.delay * 1000));
                return [message.number, RETRY, delay, cut(error.message)];
            }
            if (error instanceof Reject) {
                return [message.number, REJECT, null, cut(error.message)];
            }
            const text = error instanceof Error ? error.stack : String(error);
            console.error(text);
            return [message.number, RETRY, null, cut(text)];
        }
    }

    /* All that was taken is handled. */
    async finish() {
        if (this.size > 0) {
            throw new ProtocolError('the node left in the middle of a frame');
        }
        if (this.busy > 0) {
            await new Promise((resolve) => { this.idle = resolve; });
        }
        if (this.failure !== null) {
            throw this.failure;
        }
    }
}

function isGenerator(value) {
    return value !== null && typeof value === 'object' && typeof value.next === 'function'
        && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function utf8(data) {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(data);
}

/* The end of a text, as long as a cause may be. */
function cut(text) {
    let data = Buffer.from(text, 'utf8');
    if (data.length > TEXT_BYTES) {
        let at = data.length - TEXT_BYTES;
        while (at < data.length && (data[at] & 0xc0) === 0x80) {
            at++; // in the middle of a character
        }
        data = data.subarray(at);
    }
    return data.toString('utf8');
}

/*
 * What makes no frame is found where it is said, and fails that message: a frame that cannot be
 * read would end the whole worker.
 */
function textOf(what, value) {
    if (value !== undefined && value !== null && typeof value !== 'string') {
        throw new TypeError(`${what} is a string, not ${typeof value}`);
    }
    return value;
}

function attrsOf(attrs) {
    if (attrs === undefined || attrs === null) {
        return null;
    }
    if (typeof attrs !== 'object' || Array.isArray(attrs) || attrs instanceof Uint8Array) {
        throw new TypeError('attrs are an object');
    }
    pack(attrs);
    return attrs;
}

function nameOf(what, value, most) {
    const data = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    if (data !== undefined && data !== null && !(data instanceof Uint8Array)) {
        throw new TypeError(`${what} is a string or bytes, not ${typeof data}`);
    }
    if (data && data.length > most) {
        throw new RangeError(`${what} has ${data.length} bytes, at most ${most} are taken`);
    }
    return data;
}

/* Up to the next millisecond: nothing is due too early. */
function msOf(what, seconds) {
    if (seconds === undefined || seconds === null) {
        return null;
    }
    if (!(seconds >= 0)) {
        throw new RangeError(`${what} counts from now, in seconds: ${String(seconds)}`);
    }
    return Math.ceil(seconds * 1000);
}

function bodyOf(value) {
    if (value instanceof Uint8Array) {
        return Buffer.from(value);
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (text === undefined) {
        throw new TypeError(`${typeof value} has no form as JSON`);
    }
    return Buffer.from(text, 'utf8');
}

// ---- as much of msgpack as frames need ----------------------------------------------------------

/* msgpack: null, boolean, number, bigint, string, Uint8Array, Array, plain object or Map. */
function pack(value) {
    const parts = [];
    packInto(value, parts);
    return Buffer.concat(parts);
}

/* A code and a number of 1, 2, 4 or 8 bytes behind it. */
function coded(code, bytes, value) {
    const out = Buffer.alloc(1 + bytes);
    out[0] = code;
    if (bytes === 8) {
        out.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), 1);
    } else {
        out.writeUIntBE(value < 0 ? value + 2 ** (8 * bytes) : value, 1, bytes);
    }
    return out;
}

/* The head of a value with a size; `short`: [limit, code] of the form in one byte. */
function sized(size, short, code8, code16, code32) {
    if (short && size < short[0]) {
        return Buffer.from([short[1] | size]);
    }
    if (code8 && size < 0x100) {
        return coded(code8, 1, size);
    }
    return size < 0x10000 ? coded(code16, 2, size) : coded(code32, 4, size);
}

function packInteger(value) {
    const big = BigInt(value);
    if (big < -(2n ** 63n) || big >= 2n ** 64n) {
        throw new RangeError('integer too big for msgpack');
    }
    if (big >= 2n ** 32n || big < -(2n ** 31n)) {
        return coded(big < 0n ? 0xd3 : 0xcf, 8, big);
    }
    const number = Number(big);
    if (number >= 0) {
        return number < 0x80 ? Buffer.from([number]) : number < 0x100 ? coded(0xcc, 1, number)
            : number < 0x10000 ? coded(0xcd, 2, number) : coded(0xce, 4, number);
    }
    return number >= -32 ? Buffer.from([number & 0xff]) : number >= -0x80 ? coded(0xd0, 1, number)
        : number >= -0x8000 ? coded(0xd1, 2, number) : coded(0xd2, 4, number);
}

function packNumber(value) {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        return packInteger(value);
    }
    const out = Buffer.alloc(9);
    out[0] = 0xcb;
    out.writeDoubleBE(value, 1);
    return out;
}

function packInto(value, parts) {
    if (value === null || value === undefined) {
        parts.push(Buffer.from([0xc0]));
    } else if (typeof value === 'boolean') {
        parts.push(Buffer.from([value ? 0xc3 : 0xc2]));
    } else if (typeof value === 'number') {
        parts.push(packNumber(value));
    } else if (typeof value === 'bigint') {
        parts.push(packInteger(value));
    } else if (typeof value === 'string') {
        const data = Buffer.from(value, 'utf8');
        parts.push(sized(data.length, [32, 0xa0], 0xd9, 0xda, 0xdb), data);
    } else if (value instanceof Uint8Array) {
        parts.push(sized(value.length, null, 0xc4, 0xc5, 0xc6), value);
    } else if (Array.isArray(value)) {
        parts.push(sized(value.length, [16, 0x90], 0, 0xdc, 0xdd));
        value.forEach((item) => packInto(item, parts));
    } else if (typeof value === 'object') {
        const entries = value instanceof Map ? [...value] : Object.entries(value);
        parts.push(sized(entries.length, [16, 0x80], 0, 0xde, 0xdf));
        entries.flat(1).forEach((item) => packInto(item, parts));
    } else {
        throw new TypeError(`msgpack has no ${typeof value}`);
    }
}

/*
 * The one value that `data` is; integers beyond 2^53 are bigint. ProtocolError when it is none.
 * Bytes are views of `data`.
 */
function unpack(data) {
    const reader = new Reader(data);
    let value;
    try {
        value = reader.value();
    } catch (error) {
        throw new ProtocolError(`malformed msgpack: ${error.message}`);
    }
    if (reader.at !== data.length) {
        throw new ProtocolError('bytes after the end');
    }
    return value;
}

class Reader {
    constructor(data) {
        this.data = Buffer.from(data.buffer, data.byteOffset, data.length);
        this.at = 0;
    }

    take(size) {
        if (this.at + size > this.data.length) {
            throw new RangeError('ends too early');
        }
        this.at += size;
        return this.data.subarray(this.at - size, this.at);
    }

    uint(bytes) {
        return this.take(bytes).readUIntBE(0, bytes);
    }

    big(signed) {
        const data = this.take(8);
        const value = signed ? data.readBigInt64BE(0) : data.readBigUInt64BE(0);
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : value;
    }

    text(size) {
        return utf8(this.take(size));
    }

    array(size) {
        const items = [];
        for (let i = 0; i < size; i++) {
            items.push(this.value());
        }
        return items;
    }

    /* A plain object; names of other types than string become text, as JavaScript has it. */
    map(size) {
        const entries = [];
        for (let i = 0; i < size; i++) {
            entries.push([this.value(), this.value()]);
        }
        return Object.fromEntries(entries);
    }

    value() {
        const code = this.uint(1);
        if (code < 0x80) {
            return code;
        }
        if (code >= 0xe0) {
            return code - 0x100;
        }
        if (code < 0xc0) {
            return code < 0x90 ? this.map(code & 0x0f) : code < 0xa0 ? this.array(code & 0x0f)
                : this.text(code & 0x1f);
        }
        switch (code) {
        case 0xc0: return null;
        case 0xc2: return false;
        case 0xc3: return true;
        case 0xc4: case 0xc5: case 0xc6: return this.take(this.uint(1 << (code - 0xc4)));
        case 0xca: return this.take(4).readFloatBE(0);
        case 0xcb: return this.take(8).readDoubleBE(0);
        case 0xcc: case 0xcd: case 0xce: return this.uint(1 << (code - 0xcc));
        case 0xcf: return this.big(false);
        case 0xd0: return this.take(1).readInt8(0);
        case 0xd1: return this.take(2).readInt16BE(0);
        case 0xd2: return this.take(4).readInt32BE(0);
        case 0xd3: return this.big(true);
        case 0xd9: case 0xda: case 0xdb: return this.text(this.uint(1 << (code - 0xd9)));
        case 0xdc: case 0xdd: return this.array(this.uint(code === 0xdc ? 2 : 4));
        case 0xde: case 0xdf: return this.map(this.uint(code === 0xde ? 2 : 4));
        default: throw new RangeError(`0x${code.toString(16)} is no type of frames`);
        }
    }
}

module.exports = {run, Retry, Reject, Emit, ProtocolError, pack, unpack, testing: {Worker}};
