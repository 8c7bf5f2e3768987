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

import { Attempts } from "./attempts.js";
import { isSamePath, keep } from "./orders.js";
import { isSamePairing } from "./pairing.js";
import * as patience from "./patience.js";
import { Renewal } from "./renewal.js";

/**
 * @typedef {import("./orders.js").Order} Order
 * @typedef {import("./orders.js").Path} Path
 * @typedef {import("./pairing.js").Pairing} Pairing
 */

export class Link {
  #attempts = new Attempts();
  /** @type {Pairing | null} */
  #pairing = null;
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
    return this.#attempts.carrying !== null || this.#renewal !== null;
  }

  /** That of the pairing, if there is one. */
  get epoch() {
    return this.#pairing?.epoch ?? null;
  }

  /** How long nothing has come from the other end; for ever if there is no connection. @param {number} now */
  silence(now) {
    if (!this.#attempts.newest) return Infinity;
    return this.#heardAt === null ? 0 : now - this.#heardAt;
  }

  /** Whether this is one of the present ones. @param {number} attempt */
  owns(attempt) {
    return this.#attempts.owns(attempt);
  }

  /** When {@link tick} is wanted. @returns {number | null} */
  get deadline() {
    const [renewal, words] = [this.#renewal, this.#attempts.deadline];
    if (!renewal) return words;
    const due = Math.min(renewal.due(this.#attempts.building !== null), words ?? Infinity);
    return this.#heardAt === null ? due : Math.min(due, renewal.heardAt + this.#reconnectMs);
  }

  // From the first connection to its end

  /**
   * A fresh connection, ready for whoever comes.
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
   */
  open(iceServers, now) {
    const out = this.close();
    this.#openedAt = now;
    this.#attempts.iceServers = iceServers;
    return [...out, ...this.#attempts.open()];
  }

  /** End everything; with `farewell` the other end is told that it is on purpose. */
  close({ farewell = false } = {}) {
    this.#renewal = this.#pairing = null;
    this.#heardAt = this.#asked = null;
    return this.#attempts.close(farewell);
  }

  /**
   * The other one is there: negotiate, with candidates that are still good.
   * @param {Pairing} pairing
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
   */
  pair(pairing, iceServers, now) {
    const out = now - this.#openedAt <= patience.FRESH_MS ? [] : this.open(iceServers, now);
    this.#pairing = pairing;
    return [...out, ...this.#attempts.begin(pairing)];
  }

  /**
   * The other one's message, for the connection of its epoch.
   * @param {import("./messages.js").Message} message
   * @param {number} now
   */
  received(message, now) {
    if (message.type === "keep") return this.#kept(message.epoch, now);
    const out = this.#attempts.newest?.negotiation.received(message) ?? [];
    return [...out, ...this.#attempts.verify(now)];
  }

  /**
   * One of our attempts has a description for the other end.
   * @param {number} attempt
   * @param {"offer" | "answer"} type
   * @param {string} sdp
   * @param {Iterable<number>} nonce our part of the words
   */
  described(attempt, type, sdp, nonce) {
    const out = this.#attempts.negotiationOf(attempt)?.described(type, sdp, nonce) ?? null;
    return out && type === "answer" ? [...out, ...this.#attempts.described()] : (out ?? []);
  }

  /**
   * One of our attempts has a candidate for the other end, or no more.
   * @param {number} attempt
   * @param {RTCIceCandidateInit | null} candidate
   */
  gathered(attempt, candidate) {
    return this.#attempts.negotiationOf(attempt)?.gathered(candidate) ?? [];
  }

  /**
   * An attempt stands; the one that replaces another takes over when it is heard, too.
   * @param {number} attempt
   * @param {Path} path
   * @param {number} now
   * @returns {Order[]}
   */
  connected(attempt, path, now) {
    const { building, carrying } = this.#attempts;
    if (building?.number === attempt) {
      building.path = path;
      return this.#takeOver(now);
    }
    if (!carrying || carrying.path) return [];
    carrying.path = this.#path = path;
    return [{ order: "carry", attempt }, ...this.#attempts.verify(now)];
  }

  /**
   * An attempt goes another way.
   * @param {number} attempt
   * @param {Path} path
   * @returns {Order[]}
   */
  pathChanged(attempt, path) {
    const { carrying } = this.#attempts;
    if (carrying?.number !== attempt || !carrying.path || isSamePath(carrying.path, path)) return [];
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
    const { carrying } = this.#attempts;
    if (carrying?.number !== attempt || !carrying.path) return [];
    this.#heardAt = now - silentMs;
    if (this.#renewal) this.#renewal.heardAt = Math.min(this.#renewal.heardAt, this.#heardAt);
    if (silentMs < patience.SILENCE_MS) return [];
    const out = this.#doubt(now, this.#heardAt);
    if (this.#renewal) this.#renewal.deaf = true;
    return [...out, ...(this.#renewal?.tell(now) ?? [])];
  }

  /**
   * Something came on an attempt, for the first time or again.
   * @param {number} attempt
   * @param {number} now
   * @returns {Order[]}
   */
  heard(attempt, now) {
    const { building, carrying } = this.#attempts;
    if (building?.number === attempt) {
      building.heard = true;
      return this.#takeOver(now);
    }
    if (carrying?.number !== attempt) return [];
    this.#heardAt = null;
    if (!this.#renewal?.deaf || building?.path) return [];
    const out = this.#attempts.drop();
    if (building && this.epoch !== null) out.push(keep(this.epoch));
    return [...out, ...this.#settled(now)];
  }

  /**
   * An attempt cannot be used any more.
   * @param {number} attempt
   * @param {number} now
   * @returns {Order[] | null} `null` when nothing can replace it
   */
  broke(attempt, now) {
    if (this.#attempts.building?.number === attempt) return this.#pause(now);
    if (!this.#attempts.carrying?.path || !this.#pairing?.peer.renews) return null;
    this.#heardAt = now;
    return [...this.#attempts.lose(), ...this.#doubt(now, now)];
  }

  /** Whether the silence has lasted too long; what of it this computer slept through is forgiven. @param {number} now */
  gaveUp(now) {
    return this.#heardAt !== null && this.#renewal !== null && this.#renewal.gaveUp(this.#reconnectMs, now);
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
    if (this.#attempts.areNew) return this.#question();
    const out = this.#attempts.drop();
    const renewal = (this.#renewal ??= new Renewal(now, now, now));
    return [...out, ...this.#ask(renewal, now), ...renewal.tell(now)];
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
    const asked = this.#asked !== null && this.#asked === this.#pairing.epoch;
    this.#asked = null;
    this.#pairing = { ...this.#pairing, epoch };
    if (iceServers.length) this.#attempts.iceServers = iceServers;
    if (this.#attempts.areNew) return [...this.#attempts.open(), ...this.#attempts.begin(this.#pairing)];
    if (asked && !this.#renewal) return [keep(epoch)]; // it speaks again: we asked in vain
    const renewal = (this.#renewal ??= new Renewal(now, now, now));
    renewal.buildUntil = now + patience.BUILD_MS;
    return [...this.#attempts.build(), ...this.#attempts.begin(this.#pairing), ...renewal.tell(now)];
  }

  /**
   * We are on our seat again, the same peer on the other; it may have renewed the pairing meanwhile. Unless we knew
   * of no pairing: then the peer came while we were away, and builds nothing.
   * @param {Pairing} pairing
   * @param {RTCIceServer[]} iceServers
   * @param {number} now
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
   */
  adopt(pairing, now) {
    const same = isSamePairing(pairing, this.#pairing);
    this.#pairing = pairing;
    this.#asked = null;
    if (!this.#renewal || (same && this.#attempts.building)) return [];
    return [...this.#attempts.drop(), ...this.#ask(this.#renewal, now)];
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
    const [renewal, out] = [this.#renewal, this.#attempts.verify(now)];
    if (!renewal) return out;
    if (this.#attempts.building && now >= renewal.buildUntil) {
      out.push(...this.#attempts.drop());
      renewal.askAt = now;
    }
    if (now >= renewal.tellAt) out.push(...renewal.tell(now));
    if (!this.#attempts.building && now >= renewal.askAt) {
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
    const renewal = (this.#renewal ??= new Renewal(heardAt, now + patience.TELL_MS, now));
    return !this.#attempts.building && now >= renewal.askAt ? this.#ask(renewal, now) : [];
  }

  /**
   * @param {Renewal} renewal
   * @param {number} now
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

  /** @param {number} now */
  #settled(now) {
    const renewal = this.#renewal;
    this.#renewal = null;
    return renewal?.settle(now) ?? [];
  }

  /**
   * The other end hears the old connection again, and builds no new one.
   * @param {number} epoch
   * @param {number} now
   */
  #kept(epoch, now) {
    if (epoch !== this.epoch || !this.#attempts.building) return [];
    const out = this.#pause(now);
    return this.#heardAt === null ? [...out, ...this.#settled(now)] : out;
  }

  /**
   * What is being built came to nothing; by the end of the pause it is clear who is heard.
   * @param {number} now
   */
  #pause(now) {
    if (this.#renewal) this.#renewal.askAt = now + patience.PAUSE_MS;
    return this.#attempts.drop();
  }

  /**
   * @param {number} now
   * @returns {Order[]}
   */
  #takeOver(now) {
    const next = this.#attempts.building;
    if (!next?.path || !next.heard) return [];
    const out = this.#attempts.replace();
    this.#heardAt = null;
    out.push(...this.#settled(now), { order: "carry", attempt: next.number }, ...this.#on(next.path));
    return [...out, ...this.#attempts.verify(now)];
  }

  /**
   * The call goes this way now.
   * @param {Path} path
   * @returns {Order[]}
   */
  #on(path) {
    const before = this.#path;
    this.#path = path;
    return isSamePath(before, path) ? [] : [{ order: "tell path", path }];
  }
}
