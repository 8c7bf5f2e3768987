/** The connection to the server, as in docs/protocol.md: wire only, no page and no media. */

import { isObject, parseMessage } from "./messages.js";
import { cleanDisplayName } from "./names.js";
import { io } from "/static/vendor/socket.io-4.8.4.esm.min.js";

/**
 * Who is at the other end; the name may be empty.
 * @typedef {{id: string, name: string}} Person
 */

/**
 * What is heard from the server, in the past tense.
 * @typedef {object} SignallingListener
 * @property {(peer: Person | null, epoch: number | null, iceServers: RTCIceServer[], resumed: boolean) => void
 *   } joined we have a seat; `peer` was there first, unless we `resumed` the seat of an earlier connection
 * @property {(peer: Person, epoch: number | null) => void} otherJoined somebody took the other seat
 * @property {(id: string, reason: "left" | "lost") => void} otherLeft
 * @property {() => void} full both seats are taken
 * @property {(message: import("./messages.js").Message) => void} messageReceived
 * @property {(sentence: string) => void} refused
 * @property {() => void} opened the server is there and has been asked for the seat
 * @property {() => void} lost the server is gone, and dialled again
 */

/** A seat in one room, asked for again whenever the connection to the server is new. */
export class Signalling {
  #room;
  #socket;
  #listener;
  #redial = 0;
  /** @type {unknown} what the server gave us for coming back to our seat */
  #token = null;

  /**
   * @param {string} server its origin, `https://host:port`
   * @param {string} room
   * @param {string} name how the other one shall know us
   * @param {SignallingListener} listener
   */
  constructor(server, room, name, listener) {
    this.#room = room;
    this.#listener = listener;
    this.#socket = io(server, {
      transports: ["websocket"],
      auth: (/** @type {(auth: object) => void} */ give) => give({ pycall: 1, name, resume: this.#token }),
      forceNew: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 4000,
    });
    this.#listen();
  }

  /** Ask for the seat; done without being asked on each new connection. */
  join() {
    if (this.#socket.connected) this.#socket.emit("join", this.#room);
  }

  /** Give up the seat, and keep the connection. */
  leave() {
    if (this.#socket.connected) this.#socket.emit("leave", this.#room);
  }

  /**
   * Say something to the other one in the room.
   * @param {import("./messages.js").Message} message
   */
  send(message) {
    if (this.#socket.connected) this.#socket.emit("message", message);
  }

  /** Leave, and end the connection; nothing is heard afterwards. */
  close() {
    clearTimeout(this.#redial);
    this.leave();
    this.#socket.off();
    this.#socket.disconnect();
  }

  #listen() {
    const [socket, listener] = [this.#socket, this.#listener];
    socket.on("connect", () => {
      this.join();
      listener.opened();
    });
    socket.on("connect_error", () => {
      listener.lost();
      if (!socket.active) this.#dialLater();
    });
    socket.on("disconnect", () => {
      listener.lost();
      if (!socket.active) this.#dialLater(); // the server itself ended it: the library does not try again
    });
    socket.on("joined", (/** @type {unknown[]} */ ...[, , more]) => {
      const fields = isObject(more) ? more : {};
      const peer = isObject(fields.peer) ? person(fields.peer.id, fields.peer.name) : null;
      this.#token = fields.resume;
      listener.joined(peer, epochOf(fields), iceServersOf(fields), fields.resumed === true);
    });
    socket.on("other_joined", (/** @type {unknown[]} */ ...[, id, more]) => {
      const fields = isObject(more) ? more : {};
      listener.otherJoined(person(id, fields.name), epochOf(fields));
    });
    socket.on("bye", (/** @type {unknown[]} */ ...[, id, why]) => {
      listener.otherLeft(String(id), isObject(why) && why.reason === "lost" ? "lost" : "left");
    });
    socket.on("full", () => listener.full());
    socket.on("message", (/** @type {unknown} */ payload) => {
      const message = parseMessage(payload);
      if (message) listener.messageReceived(message);
    });
    socket.on("error", (/** @type {unknown[]} */ ...[code, sentence]) => {
      if (code !== "server-stopping") listener.refused(String(sentence));
    });
  }

  #dialLater() {
    clearTimeout(this.#redial);
    this.#redial = setTimeout(() => this.#socket.connect(), 2000);
  }
}

/**
 * @param {unknown} id
 * @param {unknown} name
 * @returns {Person}
 */
function person(id, name) {
  return { id: String(id), name: cleanDisplayName(name) };
}

/**
 * @param {Record<string, unknown>} fields
 * @returns {number | null}
 */
function epochOf(fields) {
  return typeof fields.epoch === "number" ? fields.epoch : null;
}

/**
 * @param {Record<string, unknown>} fields
 * @returns {RTCIceServer[]}
 */
function iceServersOf(fields) {
  return Array.isArray(fields.ice_servers) ? fields.ice_servers : [];
}
