/** What the decisions about a call order to be done: the same as pycall/core/outputs.py, as far as the page needs it. */

/**
 * How media goes from one to the other; the protocol is what our packets leave by.
 * @typedef {{kind: "direct" | "relay", local: string, remote: string, protocol: string}} Path
 */

/**
 * An order about the peer connection of one attempt.
 * @typedef {{order: "open", attempt: number, iceServers: RTCIceServer[]}
 *   | {order: "send media", attempt: number}
 *   | {order: "create offer", attempt: number, waitMs: number}
 *   | {order: "accept offer", attempt: number, sdp: string, waitMs: number}
 *   | {order: "accept answer", attempt: number, sdp: string}
 *   | {order: "add candidate", attempt: number, candidate: RTCIceCandidateInit | null}
 *   | {order: "carry", attempt: number}
 *   | {order: "close", attempt: number, farewell: boolean}} PeerOrder
 */

/**
 * An order to say something to the server.
 * @typedef {{order: "send", message: import("./messages.js").Message}
 *   | {order: "renew", epoch: number}
 *   | {order: "check"}} ServerOrder
 */

/**
 * What people are told of the words: they may compare these, whether the other end showed another key before; or
 * there are none, because the other end makes none or somebody between changed what it said.
 * @typedef {{order: "tell words", words: string[], changed: boolean}
 *   | {order: "tell no words", forged: boolean}} Verdict
 */

/**
 * An order to tell people.
 * @typedef {{order: "tell path", path: Path}
 *   | {order: "tell reconnecting", silentMs: number}
 *   | {order: "tell reconnected", gapMs: number}
 *   | {order: "tell other key"}
 *   | Verdict} News
 */

/** @typedef {PeerOrder | ServerOrder | News} Order */

/**
 * Whether two ways are the same.
 * @param {Path | null} one
 * @param {Path} other
 */
export function isSamePath(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * The other end shall drop what it builds for this epoch.
 * @param {number} epoch
 * @returns {Order}
 */
export function keep(epoch) {
  return { order: "send", message: { type: "keep", epoch } };
}
