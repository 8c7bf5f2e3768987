/** One connection to the server: dialled once, and never again when it broke. */

import { io } from "/static/vendor/socket.io-4.8.4.esm.min.js";

/** How long the server may take to answer, at least and at most: three times what it took when dialled. */
const ANSWER_MS = 1_000;
const LONGEST_ANSWER_MS = 5_000;

/**
 * @typedef {object} ConnectionListener
 * @property {() => void} opened
 * @property {() => void} ended it did not come about, or broke; nothing is heard afterwards
 * @property {() => void} turnedAway nothing but that it did not come about because there are too many from here
 * @property {(event: string, args: unknown[]) => void} heard
 */

export class Connection {
  #socket;
  #listener;
  #patience;
  #dialledAt = performance.now();
  #answerMs = ANSWER_MS;
  #over = false;

  /**
   * @param {string} server its origin, `https://host:port`
   * @param {object} auth what we say of ourselves
   * @param {number} timeoutMs what dialling may take
   * @param {ConnectionListener} listener
   */
  constructor(server, auth, timeoutMs, listener) {
    this.#listener = listener;
    this.#socket = io(server, { transports: ["websocket"], auth, forceNew: true, reconnection: false });
    this.#patience = setTimeout(() => this.#end(), timeoutMs);
    this.#socket.on("connect", () => {
      clearTimeout(this.#patience);
      this.#answerMs = Math.min(Math.max(ANSWER_MS, 3 * (performance.now() - this.#dialledAt)), LONGEST_ANSWER_MS);
      listener.opened();
    });
    this.#socket.on("connect_error", () => {
      this.#end();
      void this.#askWhy(server);
    });
    this.#socket.on("disconnect", () => this.#end());
    this.#socket.onAny((event, ...args) => listener.heard(event, args));
  }

  get stands() {
    return this.#socket.connected && !this.#over;
  }

  /**
   * Say something, unless it is broken.
   * @param {string} event
   * @param {unknown[]} args
   * @param {(said: unknown) => void} [answered] what the server says to it
   */
  emit(event, args, answered) {
    if (!this.stands) return;
    if (answered) this.#socket.emit(event, ...args, answered);
    else this.#socket.emit(event, ...args);
  }

  /**
   * Whether the server confirms this event in time.
   * @param {string} event
   * @param {...unknown} args
   */
  async answers(event, ...args) {
    try {
      await this.#socket.timeout(this.#answerMs).emitWithAck(event, ...args);
      return true;
    } catch {
      return false;
    }
  }

  /** Hear nothing of it any more, and leave it as it is: whoever closes it says so, perhaps late, and loses the seat. */
  abandon() {
    this.#over = true;
    clearTimeout(this.#patience);
    this.#socket.off();
    this.#socket.offAny();
  }

  /** End it, on purpose. */
  close() {
    this.abandon();
    this.#socket.disconnect();
  }

  /**
   * A browser does not tell a page why a websocket failed, but what the same address answers otherwise.
   * @param {string} server
   */
  async #askWhy(server) {
    try {
      const answer = await fetch(`${server}/socket.io/?EIO=4&transport=websocket`, { cache: "no-store" });
      if (answer.status === 429) this.#listener.turnedAway();
    } catch {
      // it is not there
    }
  }

  #end() {
    if (this.#over) return;
    this.close();
    this.#listener.ended();
  }
}
