/**
 * What the two ends say to each other: through the server (`message`) and on the control channel.
 *
 * Everything here comes from a stranger; what has not the right shape reads as `null`. The same as
 * pycall/core/messages.py; see docs/protocol.md.
 */

/** Characters of a description. */
const MAX_SDP = 48_000;

/** Characters of a candidate line. */
const MAX_CANDIDATE = 512;

/** Characters of a text on the control channel. */
const MAX_CONTROL = 2_000;

/** 16 random bytes in base64 for URLs, without padding. */
const NONCE = /^[A-Za-z0-9_-]{22}$/;

/** 32 bytes likewise. */
const COMMITMENT = /^[A-Za-z0-9_-]{43}$/;

/** Label of the control channel, opened by whoever offers. */
export const CONTROL_LABEL = "pycall";

/**
 * Descriptions; all but `sdp` and `epoch` is for the words. `known` is the commitment of the offer whose words the
 * sender's user sees. The offerer's nonce is told after the answer.
 * @typedef {{type: "offer", sdp: string, epoch: number | null, commitment?: string, known?: string}} Offer
 * @typedef {{type: "answer", sdp: string, epoch: number | null, nonce?: string, known?: string}} Answer
 * @typedef {{type: "reveal", nonce: string, epoch: number | null}} Reveal
 * @typedef {{type: "candidate", candidate: RTCIceCandidateInit | null, epoch: number | null}} Candidate
 * @typedef {{type: "keep", epoch: number}} Keep the connection from before this epoch carries again
 * @typedef {Offer | Answer | Reveal | Candidate | Keep} Message
 */

/**
 * @typedef {{type: "state", muted: boolean, camera_off: boolean, recording: boolean}} State
 * @typedef {{type: "ping", t: number}} Ping
 * @typedef {{type: "pong", t: number, clock: number}} Pong
 * @typedef {{type: "bye"}} Bye
 * @typedef {State | Ping | Pong | Bye} Control
 */

/**
 * The message in the payload of a `message` event.
 * @param {unknown} payload
 * @returns {Message | null}
 */
export function parseMessage(payload) {
  if (!isObject(payload)) return null;
  const epoch = payload.epoch ?? null;
  if (epoch !== null && !isWhole(epoch)) return null;
  switch (payload.type) {
    case "offer": {
      const tokens = tokensIn(payload, { commitment: COMMITMENT, known: COMMITMENT });
      return tokens && isText(payload.sdp, MAX_SDP) ? { type: "offer", sdp: payload.sdp, epoch, ...tokens } : null;
    }
    case "answer": {
      const tokens = tokensIn(payload, { nonce: NONCE, known: COMMITMENT });
      return tokens && isText(payload.sdp, MAX_SDP) ? { type: "answer", sdp: payload.sdp, epoch, ...tokens } : null;
    }
    case "reveal": {
      const nonce = tokensIn(payload, { nonce: NONCE })?.nonce;
      return nonce === undefined ? null : { type: "reveal", nonce, epoch };
    }
    case "candidate":
      return parseCandidate(payload.candidate ?? null, epoch);
    case "keep":
      return epoch === null ? null : { type: "keep", epoch };
    default:
      return null;
  }
}

/**
 * Those of these fields that are there.
 * @template {string} Name
 * @param {Record<string, unknown>} payload
 * @param {Record<Name, RegExp>} shapes
 * @returns {Partial<Record<Name, string>> | null} `null` if one is of another shape
 */
function tokensIn(payload, shapes) {
  /** @type {Partial<Record<Name, string>>} */
  const tokens = {};
  for (const name of /** @type {Name[]} */ (Object.keys(shapes))) {
    const value = payload[name] ?? null;
    if (value === null) continue;
    if (typeof value !== "string" || !shapes[name].test(value)) return null;
    tokens[name] = value;
  }
  return tokens;
}

/**
 * @param {unknown} init
 * @param {number | null} epoch
 * @returns {Candidate | null}
 */
function parseCandidate(init, epoch) {
  if (init === null) return { type: "candidate", candidate: null, epoch };
  if (!isObject(init) || !isText(init.candidate, MAX_CANDIDATE)) return null;
  if (init.candidate === "") return { type: "candidate", candidate: null, epoch };
  const mid = init.sdpMid ?? null;
  const index = init.sdpMLineIndex ?? null;
  if (mid !== null && !isText(mid, MAX_CANDIDATE)) return null;
  if (index !== null && !isWhole(index)) return null;
  const candidate = { candidate: init.candidate, sdpMid: mid, sdpMLineIndex: index };
  return { type: "candidate", candidate, epoch };
}

/**
 * The message in a text of the control channel.
 * @param {unknown} text
 * @returns {Control | null}
 */
export function parseControl(text) {
  if (!isText(text, MAX_CONTROL)) return null;
  /** @type {unknown} */
  let fields;
  try {
    fields = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(fields)) return null;
  switch (fields.type) {
    case "state":
      return {
        type: "state",
        muted: fields.muted === true,
        camera_off: fields.camera_off === true,
        recording: fields.recording === true,
      };
    case "ping":
      return isNumber(fields.t) ? { type: "ping", t: fields.t } : null;
    case "pong":
      return isNumber(fields.t) && isNumber(fields.clock)
        ? { type: "pong", t: fields.t, clock: fields.clock }
        : null;
    case "bye":
      return { type: "bye" };
    default:
      return null;
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A text of Unicode: JSON can spell half a character.
 * @param {unknown} value
 * @param {number} most
 * @returns {value is string}
 */
export function isText(value, most) {
  return typeof value === "string" && value.length <= most && !/\p{Surrogate}/u.test(value);
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export function isWhole(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isNumber(value) {
  return typeof value === "number" && Math.abs(value) < 1e12;
}
