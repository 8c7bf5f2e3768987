/** Two in a room, as the server counts them. */

/**
 * Somebody to talk to, and who offers.
 * @typedef {{peer: import("./hearsay.js").Person, epoch: number | null, offering: boolean}} Pairing
 */

/**
 * Whether two are the same pairing.
 * @param {Pairing} one
 * @param {Pairing | null} other
 */
export function isSamePairing(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
