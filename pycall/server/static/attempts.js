/** The attempts of one call: what carries it, and what is being built to replace that; no connection itself. */

import { Negotiation } from "./negotiation.js";
import * as patience from "./patience.js";

/**
 * @typedef {import("./orders.js").Order} Order
 * @typedef {import("./orders.js").Path} Path
 */

/** A peer connection on its way; `path` is known when it stands. */
class Attempt {
  /** @type {Path | null} */
  path = null;
  heard = false;

  /** @param {number} number */
  constructor(number) {
    this.number = number;
    this.negotiation = new Negotiation(number);
  }
}

export class Attempts {
  /** @type {Attempt | null} */
  carrying = null;
  /** @type {Attempt | null} */
  building = null;
  /** What those to come shall use. @type {RTCIceServer[]} */
  iceServers = [];
  #count = 0;

  /** The one that negotiates. */
  get newest() {
    return this.building ?? this.carrying;
  }

  /** Whether nothing has stood yet. */
  get areNew() {
    return this.carrying !== null && this.carrying.path === null;
  }

  /**
   * Whether this is one of them.
   * @param {number} number
   */
  owns(number) {
    return this.carrying?.number === number || this.building?.number === number;
  }

  /**
   * The negotiation of this one, unless there is a newer one.
   * @param {number} number
   */
  negotiationOf(number) {
    const newest = this.newest;
    return newest?.number === number ? newest.negotiation : null;
  }

  /**
   * Begin one that carries the call as soon as it stands, instead of another if there was one.
   * @returns {Order[]}
   */
  open() {
    const closing = this.carrying ? [closed(this.carrying)] : [];
    this.carrying = new Attempt(++this.#count);
    return [...closing, this.#opening(this.carrying)];
  }

  /**
   * Begin one that is to replace the carrying one, which is kept meanwhile.
   * @returns {Order[]}
   */
  build() {
    const closing = this.drop();
    this.building = new Attempt(++this.#count);
    return [...closing, this.#opening(this.building)];
  }

  /**
   * Let the newest one negotiate.
   * @param {import("./pairing.js").Pairing} pairing
   * @returns {Order[]}
   */
  begin({ peer, epoch, offering }) {
    const waitMs = peer.renews ? 0 : patience.CANDIDATES_MS;
    return this.newest?.negotiation.begin(epoch, offering, waitMs) ?? [];
  }

  /**
   * Give up what is being built.
   * @returns {Order[]}
   */
  drop() {
    const dropped = this.building;
    this.building = null;
    return dropped ? [closed(dropped)] : [];
  }

  /**
   * What was built carries the call from now on.
   * @returns {Order[]}
   */
  replace() {
    const old = this.carrying;
    this.carrying = this.building;
    this.building = null;
    return old ? [closed(old)] : [];
  }

  /**
   * End all; with `farewell` the other end is told that it is on purpose.
   * @param {boolean} farewell
   * @returns {Order[]}
   */
  close(farewell) {
    const all = [this.carrying, this.building].filter((one) => one !== null);
    this.carrying = this.building = null;
    return all.map((one) => closed(one, farewell));
  }

  /**
   * @param {Attempt} attempt
   * @returns {Order}
   */
  #opening(attempt) {
    return { order: "open", attempt: attempt.number, iceServers: this.iceServers };
  }
}

/**
 * @param {Attempt} attempt
 * @returns {Order}
 */
function closed(attempt, farewell = false) {
  return { order: "close", attempt: attempt.number, farewell };
}
