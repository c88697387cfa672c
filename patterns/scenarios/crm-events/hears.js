// SPDX-License-Identifier: MPL-2.0
'use strict';
/* A system that hears of customers, in JavaScript: it writes a line for each event. */
const fs = require('node:fs');
const zloom = require('zloom');

const out = fs.openSync(process.env.OUT, 'a');

zloom.run((message) => {
    fs.writeSync(out, `${message.body.toString()}\n`);
});
