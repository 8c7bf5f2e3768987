/** What the server says, checked before it is believed: the same as pycall/client/signalling/hearsay.py. */

import { isObject, isText, isWhole } from "./messages.js";
import { cleanDisplayName } from "./names.js";

const MAX_ID = 128;
const MAX_SENTENCE = 300;
const MAX_ICE_SERVERS = 8;
const MAX_URL = 512;

const TOKEN = /^[A-Za-z0-9_-]{22,64}$/;

/**
 * Who is at the other end; the name may be empty. `renews`: whether it can build another connection.
 * @typedef {{id: string, name: string, renews: boolean}} Person
 */

/**
 * We have a seat. `resumed`: it is the one we had before; `offering`: it is ours to offer.
 * @typedef {{
 *   peer: Person | null, epoch: number | null, iceServers: RTCIceServer[], resumed: boolean, offering: boolean,
 * }} Joined
 */

/**
 * @param {unknown} about
 * @returns {Joined}
 */
export function readJoined(about) {
  const more = fieldsOf(about);
  return {
    peer: isObject(more.peer) ? readPerson(more.peer.id, more.peer) : null,
    epoch: readEpoch(more),
    iceServers: readIceServers(more),
    resumed: more.resumed === true,
    offering: more.offers === true,
  };
}

/**
 * Why the server did not do what it was asked, in an acknowledgement; empty when it did.
 * @param {unknown} said
 */
export function readCode(said) {
  const { code } = fieldsOf(said);
  return isText(code, 64) ? code : "";
}

/**
 * The seat's secret in `joined`; empty when there is none that could be shown again.
 * @param {unknown} about
 */
export function readToken(about) {
  const { resume } = fieldsOf(about);
  return isText(resume, 64) && TOKEN.test(resume) ? resume : "";
}

/**
 * @param {unknown} id
 * @param {unknown} about
 * @returns {Person | null}
 */
export function readPerson(id, about) {
  const { name, pycall } = fieldsOf(about);
  if (!isText(id, MAX_ID)) return null;
  return { id, name: cleanDisplayName(name), renews: isWhole(pycall) && pycall >= 1 };
}

/**
 * @param {unknown} about
 * @returns {number | null}
 */
export function readEpoch(about) {
  const { epoch } = fieldsOf(about);
  return isWhole(epoch) ? epoch : null;
}

/**
 * @param {unknown} about
 * @returns {"left" | "lost"}
 */
export function readReason(about) {
  return fieldsOf(about).reason === "lost" ? "lost" : "left";
}

/** @param {unknown} sentence */
export function readSentence(sentence) {
  return String(sentence).slice(0, MAX_SENTENCE);
}

/**
 * The usable ones of the servers that are told, one for each URL; the others are skipped. Whether a URL names a
 * host and a port, the browser knows.
 * @param {unknown} about
 * @returns {RTCIceServer[]}
 */
export function readIceServers(about) {
  const { ice_servers: told } = fieldsOf(about);
  if (!Array.isArray(told)) return [];
  return told.slice(0, MAX_ICE_SERVERS).flatMap((each) => {
    const { urls, username, credential } = fieldsOf(each);
    const good = [urls].flat().slice(0, MAX_ICE_SERVERS).filter(isIceUrl);
    return good.flatMap((url) => {
      if (url.startsWith("stun:")) return [{ urls: url }];
      return isSecret(username) && isSecret(credential) ? [{ urls: url, username, credential }] : [];
    });
  });
}

/**
 * @param {unknown} url
 * @returns {url is string}
 */
function isIceUrl(url) {
  return isText(url, MAX_URL) && /^(stun|turns?):/.test(url);
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
function isSecret(value) {
  return isText(value, MAX_URL) && value !== "";
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>} empty when it is no object
 */
function fieldsOf(value) {
  return isObject(value) ? value : {};
}
