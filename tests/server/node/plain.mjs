// A client that speaks the seed's protocol and nothing else: node plain.mjs URL SCENARIO
// Ends with 0 when the server said exactly what it should; an assertion that fails ends it with 1.

import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [url, scenario] = process.argv.slice(2);
const clients = [];

/** A connected client; everything it is told is kept in `told` as [event, ...arguments]. */
async function client() {
  const socket = io(url, { transports: ["websocket"], forceNew: true, reconnection: false });
  clients.push(socket);
  socket.told = [];
  socket.onAny((...event) => socket.told.push(event));
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  return socket;
}

/** Wait until each client was told `count` things, and see that they were the right ones. */
async function told(socket, ...expected) {
  while (socket.told.length < expected.length) await new Promise((resolve) => socket.onAny(resolve));
  await settled(socket);
  assert.deepEqual(socket.told.splice(0), expected);
}

/** Wait until the server has answered everything that was sent before. */
const settled = (socket) => socket.timeout(15_000).emitWithAck("leave", "nowhere");

async function pair(room) {
  const [a, b] = [await client(), await client()];
  a.emit("join", room);
  await told(a, ["joined", room, a.id]);
  b.emit("join", room);
  await told(b, ["joined", room, b.id]);
  await told(a, ["other_joined", room, b.id]);
  return [a, b];
}

const scenarios = {
  async call() {
    const [a, b] = await pair("会议室");
    const offer = { type: "offer", sdp: "v=0\r\n", nested: [null, true, 1.5, "é王🎉"] };
    a.emit("message", offer);
    await told(b, ["message", offer]);
    b.emit("message", { type: "answer", sdp: "v=0\r\n" });
    await told(a, ["message", { type: "answer", sdp: "v=0\r\n" }]);
    b.emit("leave", "会议室");
    await told(b, ["left", "会议室", b.id]);
    await told(a, ["bye", "会议室", b.id, { reason: "left" }]);
  },

  async order() {
    const [a, b] = await pair("order");
    const numbers = Array.from({ length: 250 }, (_, number) => number);
    for (const number of numbers) a.emit("message", number);
    await told(b, ...numbers.map((number) => ["message", number]));
    assert.deepEqual(a.told, []);
  },

  async full() {
    const [a, b] = await pair("full");
    const c = await client();
    c.emit("join", "full");
    await told(c, ["full", "full"]);
    a.emit("message", "secret");
    await told(b, ["message", "secret"]);
    a.emit("leave", "full");
    await told(b, ["bye", "full", a.id, { reason: "left" }]);
    await told(c);
    c.emit("join", "full");
    await told(c, ["joined", "full", c.id]);
    await told(b, ["other_joined", "full", c.id]);
  },

  async again() {
    const [a, b] = await pair("again");
    a.emit("join", "again");
    await told(a, ["joined", "again", a.id]);
    await told(b);
  },

  async second() {
    const [a, b] = await pair("first");
    a.emit("join", "second");
    await told(a, ["left", "first", a.id], ["joined", "second", a.id]);
    await told(b, ["bye", "first", a.id, { reason: "left" }]);
  },

  async elsewhere() {
    const [a, b] = await pair("here");
    a.emit("leave", "elsewhere");
    await told(a);
    await told(b);
  },

  async hangup() {
    const [a, b] = await pair("hangup");
    const { id } = a;
    a.disconnect();
    await told(b, ["bye", "hangup", id, { reason: "left" }]);
  },

  async drop() {
    const [a, b] = await pair("drop");
    const { id } = a;
    a.io.engine.transport.ws.terminate();
    await told(b, ["bye", "drop", id, { reason: "lost" }]);
  },

  async race() {
    const crowd = await Promise.all(Array.from({ length: 50 }, client));
    for (const socket of crowd) socket.emit("join", "race");
    await Promise.all(crowd.map(settled));
    const inside = crowd.filter((socket) => socket.told[0][0] === "joined");
    assert.equal(inside.length, 2);
    const [second, first] = inside.sort((one, other) => one.told.length - other.told.length);
    assert.deepEqual(first.told, [["joined", "race", first.id], ["other_joined", "race", second.id]]);
    assert.deepEqual(second.told, [["joined", "race", second.id]]);
    for (const socket of crowd.filter((each) => !inside.includes(each)))
      assert.deepEqual(socket.told, [["full", "race"]]);
  },

  async refusals() {
    const a = await client();
    a.emit("join", "../etc");
    a.emit("message", "nobody");
    a.emit("shout", "unknown");
    await settled(a);
    assert.deepEqual(a.told.map(([event, code]) => [event, code]), [
      ["error", "bad-room"],
      ["error", "not-in-room"],
      ["error", "unknown-event"],
    ]);
  },
};

await scenarios[scenario]();
for (const socket of clients) socket.disconnect();
