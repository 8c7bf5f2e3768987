/** From the first doubt about a connection until something carries the call again. */

import * as patience from "./patience.js";

/** @typedef {import("./orders.js").Order} Order */

export class Renewal {
  /** When what is being built has taken too long. */
  buildUntil = 0;
  /** Whether we began it by hearing nothing; only such a one may take it back. */
  deaf = false;
  #told = false;

  /**
   * @param {number} heardAt when the other end was last heard
   * @param {number} tellAt when people are told, at the latest
   * @param {number} askAt when the server is asked for another epoch
   */
  constructor(heardAt, tellAt, askAt) {
    this.heardAt = heardAt;
    this.tellAt = tellAt;
    this.askAt = askAt;
  }

  /**
   * When something is due.
   * @param {boolean} building whether another connection is being built
   */
  due(building) {
    const next = building ? this.buildUntil : this.askAt;
    return this.#told ? next : Math.min(next, this.tellAt);
  }

  /**
   * Tell people that nothing comes, once.
   * @param {number} now
   * @returns {Order[]}
   */
  tell(now) {
    if (this.#told) return [];
    this.#told = true;
    return [{ order: "tell reconnecting", silentMs: now - this.heardAt }];
  }

  /**
   * Whether it has lasted too long, unless this computer slept: then it gets a moment more.
   * @param {number} reconnectMs
   * @param {number} now
   */
  gaveUp(reconnectMs, now) {
    const overMs = now - this.heardAt - reconnectMs;
    if (overMs <= patience.OVERSLEPT_MS) return overMs >= 0;
    this.heardAt = now - reconnectMs + Math.min(patience.BUILD_MS, reconnectMs);
    return false;
  }

  /**
   * Tell them that it is over, if they know of it.
   * @param {number} now
   * @returns {Order[]}
   */
  settle(now) {
    return this.#told ? [{ order: "tell reconnected", gapMs: now - this.heardAt }] : [];
  }
}
