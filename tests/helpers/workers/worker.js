// SPDX-License-Identifier: MPL-2.0
'use strict';
// What test_contract.py asks of each language: a message's body says what to do with it.
const zloom = require('zloom');

const actions = {
    nothing: () => undefined,
    json: async () => ({a: [1, null, 'ä']}),
    describe: (message) => [message.flow, message.attempt, message.key, message.topic, message.id,
                            message.sent_ms, Number(message.redelivered),
                            message.attrs.source].join('|'),
    large: () => 'x'.repeat(200000),
    huge: function* () { for (let i = 0; i < 3; i++) { yield 'x'.repeat(3000000); } },
    several: function* () { yield 'a'; yield 'b'; yield 'c'; },
    emit: (message) => {
        message.emit('x', {flow: 'out', topic: 'a.b', key: 'k', attrs: {source: 's'}, delay: 1.5,
                           expires: 60, priority: 0, id: 'order-1'});
        return new zloom.Emit('y', {priority: 9});
    },
    'bad-emit': () => new zloom.Emit('x', {priority: 10}),
    retry: () => { throw new zloom.Retry('not now'); },
    'retry-in': (message) => {
        message.emit('lost');
        throw new zloom.Retry('later', {delay: 0.5});
    },
    reject: async () => { throw new zloom.Reject('never'); },
    wrong: () => { throw new RangeError('no such thing'); },
    progress: (message) => {
        message.progress();
        message.progress(1.5);
        return 'done';
    },
    say: () => {
        console.log('for people');
        console.error('for people, too');
    },
    exit: () => process.exit(3),
    die: () => {
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => {});
    },
};

zloom.run((message) => {
    if (message.body.subarray(0, 5).toString() === 'echo ') {
        return message.body.subarray(5);
    }
    const action = actions[message.text()];
    if (!action) {
        throw new zloom.Reject(`what is '${message.text()}'?`);
    }
    return action(message);
}, {most: process.env.MOST ? Number(process.env.MOST) : null});
