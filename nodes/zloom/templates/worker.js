// SPDX-License-Identifier: MPL-2.0
'use strict';
// The worker of @NAME@: one message in, and what it returns goes on; it may be async.
//
// The module zloom comes with the node. What a handler may do stands at the top of zloom.js in the
// folder that $ZLOOM_HELPERS names, and in docs/workers.md.
const zloom = require('zloom');

zloom.run((message) => {
    const text = message.text();
    if (text === 'bad') {
        throw new zloom.Reject('no worker can do this');    // never again: a dead letter
    }
    if (text === 'later' && message.attempt === 1) {
        throw new zloom.Retry('not now');                   // again, after the flow's backoff
    }
    return text.toUpperCase();                              // done, and this goes on: in one step
});
