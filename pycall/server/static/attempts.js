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
  /** When the other end's part of the words is not waited for any more. @type {number | null} */
  wordsUntil = null;
  /** Whether camera and microphone wait until what is known of whom it is with was told. */
  isHeld = true;

  /**
   * @param {number} number
   * @param {import("./verification.js").WordsExchange} exchange
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
   * The carrying one cannot be used any more.
   * @returns {Order[]}
   */
  lose() {
    const lost = this.carrying;
    this.carrying = null;
    return lost ? [closed(lost)] : [];
  }

  /**
   * End all, and forget whom they were with; with `farewell` that one is told that it is on purpose.
   * @param {boolean} farewell
   * @returns {Order[]}
   */
  close(farewell) {
    const all = [this.carrying, this.building].filter((one) => one !== null);
    this.carrying = this.building = null;
    this.#verification = new Verification();
    return all.map((one) => closed(one, farewell));
  }

  // The words

  /** When {@link verify} is wanted again. */
  get deadline() {
    return this.carrying?.wordsUntil ?? null;
  }

  /**
   * Tell what is known of whether anything was tampered with, as far as it is new.
   * @param {number} now
   * @returns {Order[]}
   */
  verify(now) {
    const [out, { carrying }] = [this.#look(), this];
    if (carrying) {
      const { exchange } = carrying.negotiation;
      if (carrying.wordsUntil !== null && now >= carrying.wordsUntil) exchange.giveUp();
      out.push(...this.#verification.conclude(exchange));
      if (!exchange.isAwaited || !carrying.path) carrying.wordsUntil = null;
      else carrying.wordsUntil ??= now + patience.WORDS_MS;
    }
    return [...out, ...this.#release()];
  }

  /**
   * Both ends of the newest one are described: its keys are known.
   * @returns {Order[]}
   */
  described() {
    return [...this.#look(), ...this.#release()];
  }

  /**
   * Tell of another key, whether or not its connection ever carries anything.
   * @returns {Order[]}
   */
  #look() {
    return this.newest ? this.#verification.look(this.newest.negotiation.exchange) : [];
  }

  /**
   * Send camera and microphone where the user was told what is known of the other end.
   * @returns {Order[]}
   */
  #release() {
    /** @type {Order[]} */
    const out = [];
    for (const one of [this.carrying, this.building]) {
      if (!one?.isHeld) continue;
      const { exchange } = one.negotiation;
      const isTold = one === this.carrying && !exchange.isAwaited;
      if (!isTold && !this.#verification.knows(exchange)) continue;
      one.isHeld = false;
      out.push({ order: "send media", attempt: one.number });
    }
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
