/**
 * The connection to one other end across its epochs: what carries the call, and what is to replace it.
 *
 * It is pycall/core/link.py: the same happenings lead to the same orders. A connection is replaced,
 * never repaired. When the other end falls silent or this computer's network changes, the pairing is
 * *renewed*: the server counts its epoch up and tells both ends, and each builds another peer
 * connection. The old one is kept until the new one carries something; when it speaks again first,
 * the new one is given up and the other end is told so (`keep`).
 *
 * There is no page, no socket and no clock in here; times are milliseconds.
 */

import { Negotiation } from "./negotiation.js";
import * as patience from "./patience.js";

/**
 * How media goes from one to the other; the protocol is what our packets leave by.
 * @typedef {{kind: "direct" | "relay", local: string, remote: string, protocol: string}} Path
 */

/**
 * Somebody to talk to, and who offers.
 * @typedef {{peer: import("./hearsay.js").Person, epoch: number | null, offering: boolean}} Pairing
 */

/**
 * What is to be done.
 * @typedef {{order: "open", attempt: number, iceServers: RTCIceServer[]}
 *   | {order: "create offer", attempt: number, waitMs: number}
 *   | {order: "accept offer", attempt: number, sdp: string, waitMs: number}
 *   | {order: "accept answer", attempt: number, sdp: string}
 *   | {order: "add candidate", attempt: number, candidate: RTCIceCandidateInit | null}
 *   | {order: "carry", attempt: number}
 *   | {order: "close", attempt: number, farewell: boolean}
 *   | {order: "send", message: import("./messages.js").Message}
 *   | {order: "renew", epoch: number}
 *   | {order: "check"}
 *   | {order: "tell path", path: Path}
 *   | {order: "tell reconnecting", silentMs: number}
 *   | {order: "tell reconnected", gapMs: number}} Order
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

/**
 * The time from the first doubt about the connection until something carries the call again. Deaf is who began
 * it by hearing nothing; only such a one may take it back.
 * @typedef {{heardAt: number, tellAt: number, askAt: number, told: boolean, deaf: boolean, buildUntil: number}} Renewal
 */

/** The attempts of one call; at most one carries it and at most one is being built to replace that. */
export class Link {
  #attempts = 0;
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  /** @type {Pairing | null} */
  #pairing = null;
  /** @type {Attempt | null} */
  #carrying = null;
  /** @type {Attempt | null} */
  #building = null;
  /** @type {Renewal | null} */
  #renewal = null;
  /** The way the call went last. @type {Path | null} */
  #path = null;
  #openedAt = 0;
  /** When the other end was last heard, while it is not. @type {number | null} */
  #heardAt = null;
  /** The epoch whose end we asked for and were not told yet. @type {number | null} */
  #asked = null;
  #reconnectMs;

  /** @param {number} reconnectMs how long silence may last before {@link gaveUp} */
  constructor(reconnectMs) {
    this.#reconnectMs = Math.max(reconnectMs, patience.SILENCE_MS);
  }

  /** Whether there is a peer connection, or one to come. */
  get isOpen() {
    return this.#carrying !== null || this.#renewal !== null;
  }

  /** That of the pairing, if there is one. */
  get epoch() {
    return this.#pairing?.epoch ?? null;
  }

  /**
   * How long nothing has come from the other end; for ever if there is no connection.
   * @param {number} now
   */
  silence(now) {
    if (!this.#carrying && !this.#building) return Infinity;
    return this.#heardAt === null ? 0 : now - this.#heardAt;
  }

  /**
   * Whether this is one of the present attempts.
   * @param {number} attempt
   */
  owns(attempt) {
    return this.#carrying?.number === attempt || this.#building?.number === attempt;
  }

  /** When {@link tick} is wanted. @returns {number | null} */
  get deadline() {
    const renewal = this.#renewal;
    if (!renewal) return null;
    const times = [this.#building ? renewal.buildUntil : renewal.askAt];
    if (!renewal.told) times.push(renewal.tellAt);
    if (this.#heardAt !== null) times.push(renewal.heardAt + this.#reconnectMs);
    return Math.min(...times);
  }

  // From the first connection to its end

  /**
   * A fresh connection, ready for whoever comes.
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
   * @returns {Order[]}
   */
  open(iceServers, now) {
    const out = this.close();
    this.#iceServers = iceServers;
    this.#openedAt = now;
    this.#carrying = new Attempt(++this.#attempts);
    return [...out, this.#opening(this.#carrying)];
  }

  /**
   * End everything; with `farewell` the other end is told that it is on purpose.
   * @returns {Order[]}
   */
  close({ farewell = false } = {}) {
    /** @type {Order[]} */
    const out = [];
    for (const one of [this.#carrying, this.#building]) {
      if (one) out.push({ order: "close", attempt: one.number, farewell });
    }
    this.#carrying = this.#building = this.#renewal = this.#pairing = null;
    this.#heardAt = this.#asked = null;
    return out;
  }

  /**
   * The other one is there: negotiate, with candidates that are still good.
   * @param {Pairing} pairing
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
   * @returns {Order[]}
   */
  pair(pairing, iceServers, now) {
    const out = now - this.#openedAt <= patience.FRESH_MS ? [] : this.open(iceServers, now);
    this.#pairing = pairing;
    return this.#carrying ? [...out, ...this.#begin(this.#carrying, pairing)] : out;
  }

  /**
   * The other one's message, for the connection of its epoch.
   * @param {import("./messages.js").Message} message
   * @param {number} now
   * @returns {Order[]}
   */
  received(message, now) {
    if (message.type === "keep") return this.#kept(message.epoch, now);
    return (this.#building ?? this.#carrying)?.negotiation.received(message) ?? [];
  }

  /**
   * One of our attempts has a description for the other end.
   * @param {number} attempt
   * @param {"offer" | "answer"} type
   * @param {string} sdp
   * @returns {Order[]}
   */
  described(attempt, type, sdp) {
    return this.#newest(attempt)?.negotiation.described(type, sdp) ?? [];
  }

  /**
   * One of our attempts has a candidate for the other end, or no more.
   * @param {number} attempt
   * @param {RTCIceCandidateInit | null} candidate
   * @returns {Order[]}
   */
  gathered(attempt, candidate) {
    return this.#newest(attempt)?.negotiation.gathered(candidate) ?? [];
  }

  /**
   * An attempt stands; the one that replaces another takes over when it is heard, too.
   * @param {number} attempt
   * @param {Path} path
   * @param {number} now
   * @returns {Order[]}
   */
  connected(attempt, path, now) {
    if (this.#building?.number === attempt) {
      this.#building.path = path;
      return this.#takeOver(now);
    }
    if (this.#carrying && !this.#carrying.path) {
      this.#carrying.path = this.#path = path;
      return [{ order: "carry", attempt }];
    }
    return [];
  }

  /**
   * An attempt goes another way.
   * @param {number} attempt
   * @param {Path} path
   * @returns {Order[]}
   */
  pathChanged(attempt, path) {
    const carrying = this.#carrying;
    if (carrying?.number !== attempt || !carrying.path || isSame(carrying.path, path)) return [];
    carrying.path = path;
    return this.#on(path);
  }

  // Silence

  /**
   * Nothing was heard on an attempt for so long.
   * @param {number} attempt
   * @param {number} silentMs
   * @param {number} now
   * @returns {Order[]}
   */
  silentFor(attempt, silentMs, now) {
    if (this.#carrying?.number !== attempt || !this.#carrying.path) return [];
    const heardAt = (this.#heardAt = now - silentMs);
    if (this.#renewal) this.#renewal.heardAt = Math.min(this.#renewal.heardAt, heardAt);
    if (silentMs < patience.SILENCE_MS) return [];
    const out = this.#doubt(now, heardAt);
    if (this.#renewal) this.#renewal.deaf = true;
    return [...out, ...this.#tell(now)];
  }

  /**
   * Something came on an attempt, for the first time or again.
   * @param {number} attempt
   * @param {number} now
   * @returns {Order[]}
   */
  heard(attempt, now) {
    if (this.#building?.number === attempt) {
      this.#building.heard = true;
      return this.#takeOver(now);
    }
    if (this.#carrying?.number !== attempt) return [];
    this.#heardAt = null;
    if (!this.#renewal?.deaf || this.#building?.path) return [];
    return [...this.#dropBuilding({ keep: true }), ...this.#settled(now)];
  }

  /**
   * An attempt cannot be used any more.
   * @param {number} attempt
   * @param {number} now
   * @returns {Order[] | null} `null` when nothing can replace it
   */
  broke(attempt, now) {
    if (this.#building?.number === attempt) return this.#pause(now);
    if (!this.#carrying?.path || !this.#pairing?.peer.renews) return null;
    this.#carrying = null;
    this.#heardAt = now;
    return [{ order: "close", attempt, farewell: false }, ...this.#doubt(now, now)];
  }

  /**
   * Whether the silence has lasted too long; what of it this computer slept through is forgiven.
   * @param {number} now
   */
  gaveUp(now) {
    if (this.#heardAt === null || !this.#renewal) return false;
    const overMs = now - this.#renewal.heardAt - this.#reconnectMs;
    if (overMs > patience.OVERSLEPT_MS) {
      this.#renewal.heardAt = now - this.#reconnectMs + Math.min(patience.BUILD_MS, this.#reconnectMs);
      return false;
    }
    return overMs >= 0;
  }

  // Renewing

  /**
   * This computer's network changed; what stands was made for one that is lost, perhaps. Another may help where
   * nothing stands.
   * @param {number} now
   * @param {boolean} lost
   * @returns {Order[]}
   */
  networkChanged(now, lost) {
    if (!this.#pairing?.peer.renews || (!lost && !this.#renewal)) return [{ order: "check" }];
    if (this.#carrying && !this.#carrying.path) return this.#question();
    const out = this.#dropBuilding();
    this.#renewal ??= renewalSince(now, now, now);
    return [...out, ...this.#ask(this.#renewal, now), ...this.#tell(now)];
  }

  /**
   * The server counted the pairing up: both build another connection.
   * @param {number} epoch
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
   * @returns {Order[]}
   */
  renewed(epoch, iceServers, now) {
    if (!this.#pairing || epoch === this.#pairing.epoch) return [];
    const asked = this.#asked === this.#pairing.epoch && this.#asked !== null;
    this.#asked = null;
    this.#pairing = { ...this.#pairing, epoch };
    if (iceServers.length) this.#iceServers = iceServers;
    if (this.#carrying && !this.#carrying.path) {
      /** @type {Order} */
      const close = { order: "close", attempt: this.#carrying.number, farewell: false };
      this.#carrying = new Attempt(++this.#attempts);
      return [close, this.#opening(this.#carrying), ...this.#begin(this.#carrying, this.#pairing)];
    }
    if (asked && !this.#renewal) return [{ order: "send", message: { type: "keep", epoch } }]; // it speaks again
    const out = this.#dropBuilding();
    this.#renewal ??= renewalSince(now, now, now);
    this.#renewal.buildUntil = now + patience.BUILD_MS;
    this.#building = new Attempt(++this.#attempts);
    return [
      ...out,
      this.#opening(this.#building),
      ...this.#begin(this.#building, this.#pairing),
      ...this.#tell(now),
    ];
  }

  /**
   * We are on our seat again, the same peer on the other; it may have renewed the pairing meanwhile.
   * Unless we knew of no pairing: then the peer came while we were away, and builds nothing.
   * @param {Pairing} pairing
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
   * @returns {Order[]}
   */
  resumed(pairing, iceServers, now) {
    if (this.epoch === null || pairing.epoch === null || pairing.epoch === this.epoch) return this.adopt(pairing, now);
    this.#pairing = { ...pairing, epoch: this.epoch };
    return this.renewed(pairing.epoch, iceServers, now);
  }

  /**
   * The same peer in a pairing the server knows by another number, or in the one from before.
   * Nothing carries over from an epoch the server has forgotten, so what was being built is not.
   * @param {Pairing} pairing
   * @param {number} now
   * @returns {Order[]}
   */
  adopt(pairing, now) {
    const same = this.#pairing !== null && isSame(pairing, this.#pairing);
    this.#pairing = pairing;
    this.#asked = null;
    if (!this.#renewal || (same && this.#building)) return [];
    return [...this.#dropBuilding(), ...this.#ask(this.#renewal, now)];
  }

  /** The server knows of no pairing now; it may learn of it again ({@link adopt}). */
  unpair() {
    if (this.#pairing) this.#pairing = { ...this.#pairing, epoch: null };
    this.#asked = null;
  }

  /**
   * Do what is due.
   * @param {number} now
   * @returns {Order[]}
   */
  tick(now) {
    const renewal = this.#renewal;
    if (!renewal) return [];
    const out = [];
    if (this.#building && now >= renewal.buildUntil) {
      out.push(...this.#dropBuilding());
      renewal.askAt = now;
    }
    if (now >= renewal.tellAt) out.push(...this.#tell(now));
    if (!this.#building && now >= renewal.askAt) {
      out.push(...(this.#heardAt === null ? this.#settled(now) : this.#ask(renewal, now)));
    }
    return out;
  }

  /**
   * @param {number} now
   * @param {number} heardAt
   * @returns {Order[]}
   */
  #doubt(now, heardAt) {
    this.#renewal ??= renewalSince(heardAt, now + patience.TELL_MS, now);
    return !this.#building && now >= this.#renewal.askAt ? this.#ask(this.#renewal, now) : [];
  }

  /**
   * @param {Renewal} renewal
   * @param {number} now
   * @returns {Order[]}
   */
  #ask(renewal, now) {
    renewal.askAt = now + patience.ASK_AGAIN_MS;
    return this.#question();
  }

  /**
   * For another epoch, of a server that perhaps does not answer any more either.
   * @returns {Order[]}
   */
  #question() {
    const epoch = this.#pairing?.epoch ?? null;
    if (epoch === null || !this.#pairing?.peer.renews) return [{ order: "check" }];
    this.#asked = epoch;
    return [{ order: "renew", epoch }, { order: "check" }];
  }

  /**
   * @param {number} now
   * @returns {Order[]}
   */
  #tell(now) {
    if (!this.#renewal || this.#renewal.told) return [];
    this.#renewal.told = true;
    return [{ order: "tell reconnecting", silentMs: now - this.#renewal.heardAt }];
  }

  /**
   * @param {number} now
   * @returns {Order[]}
   */
  #settled(now) {
    const renewal = this.#renewal;
    this.#renewal = null;
    return renewal?.told ? [{ order: "tell reconnected", gapMs: now - renewal.heardAt }] : [];
  }

  /**
   * The other end hears the old connection again and builds no new one.
   * @param {number} epoch
   * @param {number} now
   * @returns {Order[]}
   */
  #kept(epoch, now) {
    if (epoch !== this.epoch || !this.#building) return [];
    const out = this.#pause(now);
    return this.#heardAt === null ? [...out, ...this.#settled(now)] : out;
  }

  /**
   * What is being built came to nothing; by the end of the pause it is clear who is heard.
   * @param {number} now
   */
  #pause(now) {
    if (this.#renewal) this.#renewal.askAt = now + patience.PAUSE_MS;
    return this.#dropBuilding();
  }

  /**
   * @param {number} now
   * @returns {Order[]}
   */
  #takeOver(now) {
    const [next, old] = [this.#building, this.#carrying];
    if (!next?.path || !next.heard) return [];
    /** @type {Order[]} */
    const out = old ? [{ order: "close", attempt: old.number, farewell: false }] : [];
    this.#carrying = next;
    this.#building = null;
    this.#heardAt = null;
    return [...out, ...this.#settled(now), { order: "carry", attempt: next.number }, ...this.#on(next.path)];
  }

  /**
   * The call goes this way now.
   * @param {Path} path
   * @returns {Order[]}
   */
  #on(path) {
    const before = this.#path;
    this.#path = path;
    return before && isSame(before, path) ? [] : [{ order: "tell path", path }];
  }

  /**
   * Give up what is being built; with `keep` the other end learns that it is for good.
   * @returns {Order[]}
   */
  #dropBuilding({ keep = false } = {}) {
    const dropped = this.#building;
    this.#building = null;
    if (!dropped) return [];
    /** @type {Order[]} */
    const out = [{ order: "close", attempt: dropped.number, farewell: false }];
    if (keep && this.epoch !== null) out.push({ order: "send", message: { type: "keep", epoch: this.epoch } });
    return out;
  }

  /** @param {number} attempt */
  #newest(attempt) {
    const newest = this.#building ?? this.#carrying;
    return newest?.number === attempt ? newest : null;
  }

  /**
   * @param {Attempt} attempt
   * @returns {Order}
   */
  #opening(attempt) {
    return { order: "open", attempt: attempt.number, iceServers: this.#iceServers };
  }

  /**
   * @param {Attempt} attempt
   * @param {Pairing} pairing
   */
  #begin(attempt, { peer, epoch, offering }) {
    return attempt.negotiation.begin(epoch, offering, peer.renews ? 0 : patience.CANDIDATES_MS);
  }
}

/**
 * @param {number} heardAt
 * @param {number} tellAt
 * @param {number} askAt
 * @returns {Renewal}
 */
function renewalSince(heardAt, tellAt, askAt) {
  return { heardAt, tellAt, askAt, told: false, deaf: false, buildUntil: 0 };
}

/**
 * Whether two values of one plain shape are equal.
 * @template {object} T
 * @param {T} one
 * @param {T} other
 */
function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
