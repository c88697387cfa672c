// SPDX-License-Identifier: MPL-2.0
// A producer and a worker for zloom in JavaScript, written from docs/protocol.md and nothing else.
"use strict";
const { randomBytes } = require("crypto");
const { Dealer } = require("zeromq");
const { decode, decodeMulti, encode } = require("@msgpack/msgpack");

const [HELLO, WELCOME, BYE, PING, PONG] = [1, 2, 3, 4, 5];
const [SEND, CONFIRM, REFUSE, CREDIT] = [10, 11, 12, 13];
const [SUBSCRIBE, SUBSCRIBED, DELIVER, SETTLE, SETTLED] = [20, 21, 23, 24, 25];
const KEY = 1;
const VERDICT = { ack: 0, retry: 1, reject: 2 };

// Tokens have whole u64s: what is that wide comes as BigInt, and goes back as it came.
const big = { useBigInt64: true };
const read = (bytes) => decode(bytes, big);
const write = (value) => Buffer.from(encode(value, big));

/** Each message of a pack: its envelope's key and body. */
const unpack = (pack) => [...decodeMulti(pack, big)].map(read)
  .map((envelope) => ({ key: envelope[1], body: envelope[9] }));

/** [key, body] pairs as a pack: concatenated bins, each an encoded envelope. */
const pack = (messages) => Buffer.concat(messages.map(([key, body]) =>
  write(write([null, key, null, null, null, null, null, null, null, Buffer.from(body)]))));

class Peer {
  /** One session; `sends` are the flows to send to. */
  static async open(endpoint, name, role, sends = []) {
    const self = new Peer();
    self.socket = new Dealer({ linger: 1000, receiveTimeout: 10000 });
    self.socket.connect(endpoint);
    self.seen = new Map();
    self.credit = new Map();
    await self.say([HELLO, 1, 1, name, role, randomBytes(16), sends.map((flow) => [flow, null, 1])]);
    const welcome = await self.waitFor(WELCOME);
    self.flows = new Map(welcome[7].filter((flow) => !flow[2]).map((flow) => [flow[1], flow]));
    return self;
  }

  say(verb, data) {
    return this.socket.send(data ? [write(verb), data] : [write(verb)]);
  }

  /** The next verb and its pack; pings are answered on the way. */
  async hear() {
    for (;;) {
      const [head, data] = await this.socket.receive();
      const verb = read(head);
      const kind = Number(verb[0]);
      if (kind === PING) {
        await this.say([PONG, [...this.seen]]);
        continue;
      }
      if (kind === CREDIT && Number(verb[1]) === 0) {
        this.credit.set(Number(verb[2]), verb.slice(3, 6).map(Number));
      }
      if (kind === BYE || kind === REFUSE) {
        throw new Error(`the router says ${verb}`);
      }
      return { kind, verb, data };
    }
  }

  async waitFor(kind) {
    for (;;) {
      const heard = await this.hear();
      if (heard.kind === kind) {
        return heard.verb;
      }
    }
  }

  /** Send [key, body] pairs, as credit allows; done when all are confirmed. */
  async send(name, messages, most = 100) {
    const flow = this.flows.get(name);
    const [index, before] = [Number(flow[0]), Number(flow[7] || 0)];
    const used = [0, 0, 0];
    let [sent, confirmed] = [0, before];
    while (confirmed < before + messages.length) {
      const chunk = messages.slice(sent, sent + most);
      const credit = this.credit.get(index) || [0, 0, 0];
      if (chunk.length && used[0] + chunk.length <= credit[0] && used[1] < credit[1]
          && used[2] < credit[2]) {
        const data = pack(chunk);
        await this.say([SEND, index, before + sent + 1, chunk.length,
          BigInt(Date.now()) * 1000000n, flow[5] ? KEY : 0], data);
        used[0] += chunk.length;
        used[1] += data.length;
        used[2] += 1;
        sent += chunk.length;
      } else {
        const { kind, verb } = await this.hear();
        if (kind === CONFIRM && Number(verb[1]) === index) {
          confirmed = Number(verb[2]);
        }
      }
    }
  }

  /** Settle by handler (body, failures so far) → a word of VERDICT, until done () is true. */
  async work(name, handler, done, handle = 1) {
    await this.say([SUBSCRIBE, handle, name]);
    if ((await this.waitFor(SUBSCRIBED))[2]) {
      throw new Error(`no subscription to ${name}`);
    }
    let [taken, frames, unanswered] = [0, 0, 0];
    while (unanswered || !done()) {
      await this.say([CREDIT, 1, handle, taken + 100, 1n << 40n, frames + 10]);
      const { kind, verb, data } = await this.hear();
      if (kind === DELIVER) {
        const [, , token, runs, , facts, number] = verb;
        const failures = new Map((facts || []).map(([i, fact]) => [Number(i), Number(fact[0] || 0)]));
        const numbers = runs.flatMap(([first, n]) =>
          Array.from({ length: Number(n) }, (_, i) => BigInt(first) + BigInt(i)));
        this.seen.set(handle, number);
        await this.say([SETTLE, handle, token, unpack(data).map(({ body }, i) =>
          [numbers[i], 1, VERDICT[handler(Buffer.from(body).toString(), failures.get(i) || 0)]])]);
        [taken, frames, unanswered] = [taken + numbers.length, frames + 1, unanswered + 1];
      } else if (kind === SETTLED) {
        unanswered -= 1;
      }
    }
  }

  async close() {
    await this.say([BYE]);
    this.socket.close();
  }
}

// node peer.js produce ENDPOINT FLOW COUNT | consume ENDPOINT FLOW COUNT
//   produce: the numbers 0 … COUNT - 1.  consume: COUNT numbers, printed; one in ten fails once, one
//   in fifty for good.
async function main([what, endpoint, flow, count]) {
  if (what === "produce") {
    const shop = await Peer.open(endpoint, "js-shop", "producer", [flow]);
    await shop.send(flow, Array.from({ length: Number(count) }, (_, i) => [`k${i % 7}`, `${i}`]));
    await shop.close();
    return;
  }
  const worker = await Peer.open(endpoint, "js-worker", "worker");
  const [acked, rejected] = [new Set(), new Set()];
  await worker.work(flow, (body, failures) => {
    const number = Number(body);
    if (number % 10 === 3 && failures === 0) {
      return "retry";
    }
    (number % 50 === 7 ? rejected : acked).add(number);
    return number % 50 === 7 ? "reject" : "ack";
  }, () => acked.size + rejected.size === Number(count));
  await worker.close();
  console.log(JSON.stringify({ acked: [...acked], rejected: [...rejected] }));
}

module.exports = { Peer, read };

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
