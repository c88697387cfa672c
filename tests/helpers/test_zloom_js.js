// SPDX-License-Identifier: MPL-2.0
'use strict';
// zloom.js by itself: its msgpack against bytes of the specification and, where a file of it is
// given, npm's msgpack-test-suite; and handlers side by side.
const assert = require('node:assert');
const fs = require('node:fs');
const {test} = require('node:test');
const zloom = require(`${process.env.ZLOOM_HELPERS}/zloom.js`);

const again = (value) => zloom.unpack(zloom.pack(value));

test('values come back', () => {
    for (const value of [null, true, false, 1.5, -0.1, '', 'a'.repeat(31), 'a'.repeat(32),
                         'a'.repeat(255), 'a'.repeat(256), 'ä'.repeat(40000), [], Array(15).fill(1),
                         Array(16).fill(1), Array(70000).fill(2), {}, {a: [1, {b: null}]},
                         Object.fromEntries(Array.from({length: 20}, (_, i) => [`k${i}`, i])),
                         Object.fromEntries(Array.from({length: 70000}, (_, i) => [`k${i}`, i]))]) {
        assert.deepStrictEqual(again(value), value);
    }
    for (const size of [0, 255, 256, 70000]) {
        assert.deepStrictEqual(again(Buffer.alloc(size, 7)), Buffer.alloc(size, 7));
    }
    assert.deepStrictEqual(again(new Map([['a', 1]])), {a: 1});
    assert.ok(Object.is(again(-0), -0));
});

test('integers are as short as they can be', () => {
    for (const [value, size] of [[0, 1], [127, 1], [128, 2], [255, 2], [256, 3], [65535, 3],
                                 [65536, 5], [2 ** 32 - 1, 5], [2 ** 32, 9],
                                 [2 ** 53 - 1, 9], [2n ** 64n - 1n, 9], [-1, 1], [-32, 1], [-33, 2],
                                 [-128, 2], [-129, 3], [-32768, 3], [-32769, 5], [-(2 ** 31), 5],
                                 [-(2 ** 31) - 1, 9], [-(2n ** 63n), 9]]) {
        assert.strictEqual(again(value), value);
        assert.strictEqual(zloom.pack(value).length, size, String(value));
    }
    assert.throws(() => zloom.pack(2n ** 64n), RangeError);
});

test('bytes are those of the specification', () => {
    assert.strictEqual(zloom.pack([1, 'a', Buffer.from('b'), null, {k: -1}]).toString('hex'),
                       '9501a161c40162c081a16bff');
    assert.throws(() => zloom.pack(() => 1), TypeError);
});

test('every cut, and what goes on, is refused', () => {
    const data = zloom.pack([1, 'abc', Buffer.from('def'), 70000, 1.5, {k: [null]}]);
    for (let size = 0; size < data.length; size++) {
        assert.throws(() => zloom.unpack(data.subarray(0, size)), zloom.ProtocolError);
    }
    assert.throws(() => zloom.unpack(Buffer.concat([data, Buffer.from([0])])), zloom.ProtocolError);
    assert.throws(() => zloom.unpack(Buffer.from([0xc1])), zloom.ProtocolError);
    assert.throws(() => zloom.unpack(Buffer.from([0xa1, 0xff])), zloom.ProtocolError);
    // A size that nobody has the bytes for costs nothing.
    assert.throws(() => zloom.unpack(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])),
                  zloom.ProtocolError);
});

/* A value of the suite, as zloom.js should have read it. */
function wanted(kind, value) {
    if (kind === 'binary') {
        return Buffer.from(value.replaceAll('-', ''), 'hex');
    }
    if (kind === 'bignum') {
        return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value);
    }
    return value;
}

test('the suite of npm', {skip: !process.env.MSGPACK_SUITE}, () => {
    const groups = JSON.parse(fs.readFileSync(process.env.MSGPACK_SUITE, 'utf8'));
    let count = 0;
    for (const entry of Object.values(groups).flat()) {
        const kind = ['bignum', ...Object.keys(entry)].find((k) => k in entry && k !== 'msgpack');
        const forms = entry.msgpack.map((form) => Buffer.from(form.replaceAll('-', ''), 'hex'));
        for (const form of forms) {
            count++;
            if (kind === 'ext' || kind === 'timestamp') {
                assert.throws(() => zloom.unpack(form), zloom.ProtocolError);
                continue;
            }
            let value = zloom.unpack(form);
            const right = wanted(kind, entry[kind]);
            if (typeof right === 'bigint' && typeof value === 'number') {
                value = BigInt(value); // a float of that size
            }
            assert.ok(Object.is(value, right)
                      || JSON.stringify(value, text) === JSON.stringify(right, text),
                      `${form.toString('hex')} is ${JSON.stringify(right, text)}`);
            assert.ok(forms.some((one) => one.equals(zloom.pack(value))) || form[0] === 0xca
                      || form[0] === 0xcb, `pack of ${form.toString('hex')}`);
        }
    }
    assert.ok(count >= 200, `${count} forms`);
});

function text(_, value) {
    return typeof value === 'bigint' ? `${value}n` : value;
}

test('what cannot be known of an emit', () => {
    for (const known of [{delay: -1}, {expires: -0.1}, {delay: 'soon'}, {priority: 10},
                         {priority: 'high'}, {key: 'k'.repeat(257)}, {id: Buffer.alloc(65)},
                         {prioritty: 1}, {flow: 5}, {topic: Buffer.from('t')}, {key: 5}, {id: {}},
                         {attrs: [1]}, {attrs: 'a'}, {attrs: {a: () => 1}}]) {
        assert.throws(() => new zloom.Emit('x', known),
                      /delay|expires|priori|key|id|flow|topic|attrs|msgpack/);
    }
    assert.throws(() => new zloom.Emit(undefined), TypeError);
    assert.deepStrictEqual(new zloom.Emit('x', {delay: 0.0001}).fields.slice(5), [1]);
});

/* What a worker says to WORK with these bodies, once all of them are handled. */
async function serve(handler, bodies, parallel) {
    const said = [];
    const worker = new zloom.testing.Worker(handler, null, parallel, (data) => {
        said.push(Buffer.from(data.subarray(0, 1000)));
        return Math.min(1000, data.length);
    });
    const frame = zloom.pack([2, bodies.map((body, i) => [i + 1, 'in', 1, Buffer.from(body)])]);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frame.length);
    for (const byte of Buffer.concat([head, frame])) {
        worker.feed(Buffer.from([byte])); // however the pipe cuts it
    }
    await worker.finish();
    const all = Buffer.concat(said), frames = [];
    for (let at = 0; at < all.length;) {
        const size = all.readUInt32BE(at);
        frames.push(zloom.unpack(all.subarray(at + 4, at + 4 + size)));
        at += 4 + size;
    }
    return {frames, writes: said.length};
}

test('a verdict and the next mark are one write', async () => {
    const {frames, writes} = await serve(() => null, ['a', 'b', 'c'], 1);
    assert.deepStrictEqual(frames.map((frame) => frame[0]), [3, 5, 3, 5, 3, 5]);
    assert.strictEqual(writes, 4);
});

test('large answers go in pieces', async () => {
    const {frames} = await serve(() => 'x'.repeat(100000), ['a'], 1);
    assert.strictEqual(frames[1][1][0][4][0][0].length, 100000);
});

test('handlers that wait run side by side, as many as were asked for', async () => {
    let now = 0, most = 0;
    const free = [];
    const handler = (message) => new Promise((resolve) => {
        most = Math.max(most, ++now);
        free.push(() => { now--; resolve(message.text()); });
        if (free.length === 3 || message.text() === 'd') {
            free.splice(0).reverse().forEach((one) => one());
        }
    });
    const {frames} = await serve(handler, ['a', 'b', 'c', 'd'], 3);
    assert.strictEqual(most, 3);
    const done = frames.filter((frame) => frame[0] === 5).map((frame) => frame[1][0]);
    // Each has its own answer, and the fourth began when there was room for it.
    assert.deepStrictEqual(done.map((verdict) => `${verdict[0]}${verdict[4][0][0]}`).sort(),
                           ['1a', '2b', '3c', '4d']);
    assert.strictEqual(done[3][0], 4);
});
