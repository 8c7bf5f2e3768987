/**
 * Words by which two people notice that somebody sits between them (RFC 8826 section 4.3.2.2).
 *
 * It is pycall/core/verification.py: each end makes words of what it said and heard, a short authentication string;
 * see "Words to compare" in docs/protocol.md. They stay while both ends keep their keys, whatever number of
 * connections follow each other. Another key is told as soon as it is heard of, and no connection gets media before
 * the user was told what is known of it. There is no clock and no randomness in here.
 */

import { sha256 } from "/static/vendor/noble-sha256-2.4.0.esm.js";
import { spell } from "./wordlist.js";

export const NONCE_BYTES = 16;

/** So many words are compared. */
const WORDS_BYTES = 3;

/** Exchanges in a row whose words nobody saw; after those there are no words with this other end any more. */
const MOST_UNSEEN = 8;

const COMMITMENT_LABEL = "pycall commitment 1\0";
const WORDS_LABEL = "pycall words 1\0";
const FINGERPRINT = /fingerprint:([^\r\n]*)/gi;

/**
 * What an end knows of the words: not yet, that the other end makes none, that the nonce that was revealed is not the
 * one that was committed to, or all.
 * @typedef {"awaited" | "none" | "forged" | "known"} Verdict
 */

/**
 * What tells of a nonce that it was chosen, and not which it is.
 * @param {string} nonce
 */
export function commitmentTo(nonce) {
  return inBase64(sha256(utf8(COMMITMENT_LABEL + nonce)));
}

/**
 * The words of an exchange: 24 bits of the hash of the two descriptions and the two nonces.
 * @param {string} offer
 * @param {string} answer
 * @param {string} offerNonce
 * @param {string} answerNonce
 */
export function wordsOf(offer, answer, offerNonce, answerNonce) {
  const whole = sha256.create().update(utf8(WORDS_LABEL));
  for (const said of [offer, answer, offerNonce, answerNonce]) whole.update(sha256(utf8(said)));
  return spell(whole.digest().subarray(0, WORDS_BYTES));
}

/**
 * The fingerprints a description names (RFC 8122 section 5), any of which its connection may show: as one text, a line
 * each. What only some parser takes for one counts, too, so one that is written otherwise is another key.
 * @param {string} sdp
 */
export function keysIn(sdp) {
  const all = Array.from(sdp.matchAll(FINGERPRINT), ([, key]) => (key ?? "").toUpperCase());
  return [...new Set(all)].sort().join("\n");
}

/** One offer and one answer, as this end said and heard them, and the words that follow. */
export class WordsExchange {
  /** @type {string | null} */
  commitment = null;
  /** @type {Verdict} */
  verdict;
  /** Whether the other end shows the words of the exchange {@link known}, too. */
  isKnownThere = false;
  #offer = "";
  #answer = "";
  /** @type {string | null} */
  #offerNonce = null;
  /** @type {string | null} */
  #answerNonce = null;

  /**
   * @param {string | null} known the commitment of the exchange whose words the user was shown, if that was with the
   * same end
   * @param {boolean} isMute whether it discloses no nonce and makes no words
   */
  constructor(known, isMute = false) {
    this.known = known;
    this.isMute = isMute;
    this.verdict = isMute ? "none" : "awaited";
  }

  /** Whether the other end has not said yet what the words are made of. */
  get isAwaited() {
    return this.verdict === "awaited";
  }

  /** The fingerprints of each end, in either order; `null` until both are described. */
  get keys() {
    if (!this.#offer || !this.#answer) return null;
    return [keysIn(this.#offer), keysIn(this.#answer)].sort().join("\n\n");
  }

  /** What the users compare; none unless they are known. */
  get words() {
    if (this.verdict !== "known" || this.#offerNonce === null || this.#answerNonce === null) return [];
    return wordsOf(this.#offer, this.#answer, this.#offerNonce, this.#answerNonce);
  }

  /**
   * This end offers.
   * @param {string} sdp
   * @param {Iterable<number>} nonce its bytes
   * @returns {string | null} the commitment that is to go with it
   */
  offer(sdp, nonce) {
    this.#offer = sdp;
    if (this.isMute) return null;
    this.#offerNonce = inBase64(nonce);
    return (this.commitment = commitmentTo(this.#offerNonce));
  }

  /**
   * The other end offers.
   * @param {string} sdp
   * @param {string | null} commitment
   * @param {string | null} known
   */
  hearOffer(sdp, commitment, known) {
    this.#offer = sdp;
    this.commitment = commitment;
    this.#hearKnown(known);
    if (commitment === null) this.verdict = "none";
  }

  /**
   * This end answers.
   * @param {string} sdp
   * @param {Iterable<number>} nonce its bytes
   * @returns {string | null} the nonce that is to go with it, if the offer came with a commitment
   */
  answer(sdp, nonce) {
    this.#answer = sdp;
    return (this.#answerNonce = this.commitment === null || this.isMute ? null : inBase64(nonce));
  }

  /**
   * The other end answers; what comes before our offer is no answer to it, and makes no words.
   * @param {string} sdp
   * @param {string | null} nonce
   * @param {string | null} known
   * @returns {string | null} the nonce that is to be revealed now, and not before
   */
  hearAnswer(sdp, nonce, known) {
    this.#answer = sdp;
    this.#answerNonce = nonce;
    this.#hearKnown(known);
    this.verdict = nonce === null || this.#offerNonce === null ? "none" : "known";
    return nonce === null ? null : this.#offerNonce;
  }

  /**
   * The other end, which offered, reveals its nonce; only the first one counts.
   * @param {string} nonce
   */
  hearNonce(nonce) {
    if (!this.isAwaited || this.commitment === null || this.#answerNonce === null) return;
    this.#offerNonce = nonce;
    this.verdict = commitmentTo(nonce) === this.commitment ? "known" : "forged";
  }

  /** What is still awaited does not come any more. */
  giveUp() {
    if (this.isAwaited) this.verdict = "none";
  }

  /** @param {string | null} known */
  #hearKnown(known) {
    this.isKnownThere = known !== null && known === this.known;
  }
}

/** What the user was shown of one other end, over all connections to it. */
export class Verification {
  /** Of the exchange whose words the user sees. @type {string | null} */
  #commitment = null;
  /** Those of the last words, whether or not the user sees them still. @type {string | null} */
  #keys = null;
  /** @type {Verdict | null} */
  #told = null;
  #otherKeyIsTold = false;
  /** @type {WordsExchange | null} */
  #concluded = null;
  /** Exchanges begun since one was concluded with words. */
  #unseen = 0;

  /** The exchange of another connection. */
  begin() {
    return new WordsExchange(this.#commitment, ++this.#unseen > MOST_UNSEEN);
  }

  /**
   * Whether a connection with this exchange has the keys that were shown.
   * @param {WordsExchange} exchange
   */
  knows(exchange) {
    return this.#keys !== null && exchange.keys === this.#keys;
  }

  /**
   * Tell of another key than the one that was shown, whatever becomes of its connection.
   * @param {WordsExchange} exchange
   * @returns {import("./orders.js").News[]}
   */
  look(exchange) {
    const isOther = this.#keys !== null && exchange.keys !== null && exchange.keys !== this.#keys;
    if (!isOther || this.#otherKeyIsTold) return [];
    this.#otherKeyIsTold = true;
    return [{ order: "tell other key" }];
  }

  /**
   * The connection that carries the call, or will, had this exchange: tell what is new.
   * @param {WordsExchange} exchange
   * @returns {import("./orders.js").News[]}
   */
  conclude(exchange) {
    const { verdict } = exchange;
    if (exchange === this.#concluded || verdict === "awaited") return [];
    this.#concluded = exchange;
    if (verdict === "known") return this.#show(exchange);
    if (exchange.isMute && this.knows(exchange)) return [];
    const isNews = verdict !== this.#told;
    this.#told = verdict;
    this.#commitment = null;
    return isNews ? [{ order: "tell no words", forged: verdict === "forged" }] : [];
  }

  /**
   * @param {WordsExchange} exchange
   * @returns {import("./orders.js").News[]}
   */
  #show(exchange) {
    const isSameKey = this.knows(exchange);
    this.#unseen = 0;
    this.#otherKeyIsTold = false;
    if (isSameKey && exchange.isKnownThere && exchange.known === this.#commitment) return [];
    const changed = this.#keys !== null && !isSameKey;
    [this.#commitment, this.#keys, this.#told] = [exchange.commitment, exchange.keys, "known"];
    return [{ order: "tell words", words: exchange.words, changed }];
  }
}

/** @param {string} text */
function utf8(text) {
  return new TextEncoder().encode(text);
}

/**
 * In base64 for URLs, without padding.
 * @param {Iterable<number>} bytes
 */
function inBase64(bytes) {
  const padded = btoa(String.fromCharCode(...bytes));
  return padded.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
