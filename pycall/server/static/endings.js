/** Why a call ended or goes on otherwise, in words: much as in pycall/core/endings.py and verification.py. */

export const SEAT_TAKEN = "Somebody else took our place in the room; the call itself goes on.";

export const NO_WORDS = "The other side has no words to compare: only the server vouches for who it is.";

export const FORGED = "Somebody between you changes what is said; do not trust this call.";

/** @param {string} peer */
export function otherKey(peer) {
  return `${peer} shows another key than before; a page that was loaded again does.`;
}

/** @param {string} peer */
export function left(peer) {
  return `${peer} left the call.`;
}

/** @param {string} peer */
export function lost(peer) {
  return `The connection to ${peer} was lost.`;
}

/**
 * @param {string} peer
 * @param {string} why
 */
export function broken(peer, why) {
  return `The connection to ${peer} broke: ${why}.`;
}

/**
 * @param {string} peer
 * @param {string} why
 */
export function noConnection(peer, why) {
  return `No connection to ${peer} came about: ${why}. A firewall may block UDP.`;
}

/** @param {string} room */
export function roomFull(room) {
  return `The room ${room} is full: two are talking there already.`;
}
