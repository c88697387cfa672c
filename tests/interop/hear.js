// SPDX-License-Identifier: MPL-2.0
// A subscriber of a bus in JavaScript, written from docs/protocol.md and nothing else.
"use strict";
const { decodeMulti } = require("@msgpack/msgpack");
const { Peer, read } = require("./peer.js");

const [CREDIT, SUBSCRIBE, SUBSCRIBED, DELIVER, GAP] = [13, 20, 21, 23, 30];
const [NOW, CONSUME, DROP_OLDEST, HANDLE] = [1, 0, 0, 1];

/** Each event of a pack: its envelope's topic and body. */
const events = (pack) => [...decodeMulti(pack, { useBigInt64: true })].map(read)
  .map((envelope) => ({ topic: envelope[0], body: Buffer.from(envelope[9]).toString() }));

/** What a verb tells of the subscription: events, gaps, or nothing. */
function* told(kind, verb, data) {
  if (kind === GAP) {
    yield { gap: verb.slice(2, 6).map((value) => (typeof value === "string" ? value : Number(value))) };
  } else if (kind === DELIVER) {
    const numbers = verb[3].flatMap(([first, n]) =>
      Array.from({ length: Number(n) }, (_, i) => Number(first) + i));
    if (Number(verb[2][1]) !== 0) {
      throw new Error("a lease, which nobody asked for");
    }
    for (const [i, event] of events(data).entries()) {
      yield { number: numbers[i], ...event };
    }
  }
}

// node hear.js ENDPOINT FLOW PATTERNS FIRST LAST: subscribe and say "ready"; with credit for one
// event, wait for the topic FIRST; then grant the rest, and print what comes up to the topic LAST.
async function main([endpoint, flow, patterns, first, last]) {
  const screen = await Peer.open(endpoint, "js-screen", "screen");
  await screen.say([SUBSCRIBE, HANDLE, flow, null, patterns.split(","), [NOW], [CONSUME, false,
    DROP_OLDEST, 10]]);
  if ((await screen.waitFor(SUBSCRIBED))[2]) {
    throw new Error(`no subscription to ${flow}`);
  }
  const grant = (messages) => screen.say([CREDIT, 1, HANDLE, messages, 1n << 40n, messages]);
  await grant(1);
  console.log("ready");
  const heard = [];
  while (!heard.some(({ topic }) => topic === last)) {
    const { kind, verb, data } = await screen.hear();
    if (kind === DELIVER) {
      screen.seen.set(HANDLE, verb[6]);
    }
    heard.push(...told(kind, verb, data));
    if (heard.length === 1 && heard[0].topic === first) {
      process.stdin.once("data", () => grant(1000)); // when whoever runs this says so
      console.log("slow");
    }
  }
  await screen.close();
  console.log(JSON.stringify(heard));
  process.exit(0);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
