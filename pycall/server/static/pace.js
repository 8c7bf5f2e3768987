/**
 * When to dial a server again: patient when nobody waits, and often when a call is silent; as
 * pycall/client/signalling/pace.py, except that a browser dials a server one attempt after the other.
 *
 * There is no clock in here; times are milliseconds.
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** Between the beginnings of two attempts in a hurry. */
const BETWEEN_MS = 500;

/** How long a hurry lasts: about as long as a call tries to get its media back. */
const HURRY_MS = 60_000;

/**
 * What an attempt may take, at least and at most. Where packets vanish, one that began before they
 * pass again is of no use for seconds, since TCP asks again after 1, 3 and 7 s only (RFC 6298); on
 * slow networks it takes several round trips. So each is given more than the one before.
 */
const SHORTEST_ATTEMPT_MS = 1_500;
const LONGEST_ATTEMPT_MS = 10_000;

/** What it may take when nobody waits. */
const PATIENT_ATTEMPT_MS = 5_000;

/** The times of attempts, on one monotonic clock. */
export class Pace {
  #next;
  #last = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #attemptMs = SHORTEST_ATTEMPT_MS;
  #hurriedUntil = -Infinity;

  /** @param {number} begin when the first attempt is due */
  constructor(begin) {
    this.#next = begin;
  }

  /** When the next attempt is due. */
  get next() {
    return this.#next;
  }

  /**
   * Somebody waits.
   * @param {number} now
   */
  hurry(now) {
    this.#hurriedUntil = now + HURRY_MS;
    this.#next = Math.min(this.#next, Math.max(now, this.#last + BETWEEN_MS));
  }

  /**
   * An attempt begins.
   * @param {number} now
   * @param {number} spread about 1, keeps many clients of one server apart
   * @returns {number} what it may take
   */
  dialled(now, spread) {
    this.#last = now;
    if (now >= this.#hurriedUntil) {
      this.#next = now + this.#pauseMs * spread;
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
      return PATIENT_ATTEMPT_MS;
    }
    this.#next = now + BETWEEN_MS;
    const attemptMs = this.#attemptMs;
    this.#attemptMs = Math.min(1.3 * attemptMs, LONGEST_ATTEMPT_MS);
    return attemptMs;
  }
}
