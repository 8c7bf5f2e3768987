/** The attempts of one call: what carries it, and what is being built to replace that; no connection itself. */

import { Negotiation } from "./negotiation.js";
import * as patience from "./patience.js";
import { Verification } from "./verification.js";

/**
 * @typedef {import("./orders.js").Order} Order
 * @typedef {import("./orders.js").Path} Path
 */

/** A peer connection on its way; `path` is known when it stands. */
class Attempt {
  /** @type {Path | null} */
  path = null;
  heard = false;

  /**
   * @param {number} number
   * @param {import("./verification.js").Exchange} exchange
   */
  constructor(number, exchange) {
    this.number = number;
    this.negotiation = new Negotiation(number, exchange);
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
  #verification = new Verification();
  /** @type {number | null} */
  #wordsUntil = null;

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
    this.carrying = this.#next();
    return [...closing, this.#opening(this.carrying)];
  }

  /**
   * Begin one that is to replace the carrying one, which is kept meanwhile.
   * @returns {Order[]}
   */
  build() {
    const closing = this.drop();
    this.building = this.#next();
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
   * End all, and forget whom they were with; with `farewell` that one is told that it is on purpose.
   * @param {boolean} farewell
   * @returns {Order[]}
   */
  close(farewell) {
    const all = [this.carrying, this.building].filter((one) => one !== null);
    this.carrying = this.building = this.#wordsUntil = null;
    this.#verification = new Verification();
    return all.map((one) => closed(one, farewell));
  }

  // The words

  /** When {@link verify} is wanted again. */
  get deadline() {
    return this.#wordsUntil;
  }

  /**
   * Tell what is known of whether the carrying one was tampered with, as far as it is new.
   * @param {number} now
   * @returns {Order[]}
   */
  verify(now) {
    if (!this.carrying) return [];
    const { exchange } = this.carrying.negotiation;
    if (this.#wordsUntil !== null && now >= this.#wordsUntil) exchange.giveUp();
    const out = this.#verification.conclude(exchange);
    if (!exchange.isAwaited || !this.carrying.path) this.#wordsUntil = null;
    else this.#wordsUntil ??= now + patience.WORDS_MS;
    return out;
  }

  #next() {
    return new Attempt(++this.#count, this.#verification.begin());
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
