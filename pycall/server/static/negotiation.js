/** The exchange of descriptions and candidates of one attempt; the same as pycall/core/negotiation.py. */

/** Candidates kept until the description they belong to has come. */
const MAX_EARLY_CANDIDATES = 40;

/**
 * @typedef {import("./link.js").Order} Order
 * @typedef {import("./messages.js").Message} Message
 */

/** What one peer connection has said and heard. Exactly one offer and one answer are exchanged. */
export class Negotiation {
  #attempt;
  /** @type {number | null} */
  #epoch = null;
  /** @type {boolean | null} */
  #offering = null;
  #waitMs = 0;
  #described = false;
  /** @type {(RTCIceCandidateInit | null)[]} */
  #early = [];

  /**
   * @param {number} attempt
   * @param {import("./verification.js").WordsExchange} exchange
   */
  constructor(attempt, exchange) {
    this.#attempt = attempt;
    this.exchange = exchange;
  }

  /**
   * The other one is there, in this pairing; the one who was there first offers.
   * @param {number | null} epoch
   * @param {boolean} offering
   * @param {number} waitMs how long our own description waits for candidates: some clients take none later
   * @returns {Order[]}
   */
  begin(epoch, offering, waitMs) {
    [this.#epoch, this.#offering, this.#waitMs] = [epoch, offering, waitMs];
    return offering ? [{ order: "create offer", attempt: this.#attempt, waitMs }] : [];
  }

  /**
   * Our description is ready.
   * @param {"offer" | "answer"} type
   * @param {string} sdp
   * @param {Iterable<number>} nonce our part of the words
   * @returns {Order[]}
   */
  described(type, sdp, nonce) {
    const said = { sdp, epoch: this.#epoch, ...present("known", this.exchange.known) };
    if (type === "offer") return [send({ type, ...said, ...present("commitment", this.exchange.offer(sdp, nonce)) })];
    return [send({ type, ...said, ...present("nonce", this.exchange.answer(sdp, nonce)) })];
  }

  /**
   * We have a candidate more than we described, or no more.
   * @param {RTCIceCandidateInit | null} candidate
   * @returns {Order[]}
   */
  gathered(candidate) {
    return [send({ type: "candidate", candidate, epoch: this.#epoch })];
  }

  /**
   * The other one's message; what is of another pairing or out of turn is dropped.
   * @param {Message} message
   * @returns {Order[]}
   */
  received(message) {
    if (message.epoch !== null && this.#epoch !== null && message.epoch !== this.#epoch) return [];
    if (message.type === "candidate") return this.#candidate(message.candidate);
    if (message.type === "reveal" && this.#offering === false && this.#described) this.exchange.hearNonce(message.nonce);
    if (this.#described) return [];
    if (message.type === "offer" && this.#offering === false) {
      this.exchange.hearOffer(message.sdp, message.commitment ?? null, message.known ?? null);
      return this.#describe({
        order: "accept offer",
        attempt: this.#attempt,
        sdp: message.sdp,
        waitMs: this.#waitMs,
      });
    }
    if (message.type === "answer" && this.#offering === true) {
      const nonce = this.exchange.hearAnswer(message.sdp, message.nonce ?? null, message.known ?? null);
      const reveal = nonce === null ? [] : [send({ type: "reveal", nonce, epoch: this.#epoch })];
      return [...reveal, ...this.#describe({ order: "accept answer", attempt: this.#attempt, sdp: message.sdp })];
    }
    return [];
  }

  /**
   * @param {Order} order
   * @returns {Order[]}
   */
  #describe(order) {
    this.#described = true;
    return [order, ...this.#early.splice(0).map((candidate) => this.#add(candidate))];
  }

  /**
   * @param {RTCIceCandidateInit | null} candidate
   * @returns {Order[]}
   */
  #candidate(candidate) {
    if (this.#offering === null) return [];
    if (this.#described) return [this.#add(candidate)];
    if (this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(candidate);
    return [];
  }

  /**
   * @param {RTCIceCandidateInit | null} candidate
   * @returns {Order}
   */
  #add(candidate) {
    return { order: "add candidate", attempt: this.#attempt, candidate };
  }
}

/**
 * @param {Message} message
 * @returns {Order}
 */
function send(message) {
  return { order: "send", message };
}

/**
 * A field of a message that may be missing.
 * @template {string} Name
 * @param {Name} name
 * @param {string | null} value
 */
function present(name, value) {
  return /** @type {Partial<Record<Name, string>>} */ (value === null ? {} : { [name]: value });
}
