/**
 * The secret by which this page is known to the server, and how much it has said on that seat, for as long as its
 * tab lives.
 *
 * A page that is reloaded after it broke down has its old seat back by it. A tab that is duplicated is
 * somebody else, though the browser copies what the tab keeps.
 */

const TOKEN = "pycall-seat";
const NUMBER = "pycall-said";

const reloaded = wasReloaded();
let token = reloaded ? kept(TOKEN) : "";
let number = reloaded ? Number(kept(NUMBER)) || 0 : 0;

/** What to show to the server; empty before it has given one. */
export function seatToken() {
  return token;
}

/** @param {string} told by the server */
export function keepSeatToken(told) {
  if (told === "" || told === token) return;
  token = told;
  keep(TOKEN, token);
}

/** Have a secret of our own to show before the server has given one: then an invite for one person stays ours. */
export function makeSeatToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  keepSeatToken(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
}

/**
 * The number of our next message. The server drops what is not above the last it heard on the seat, also after a
 * reload; a clock would not do, for it may be set back.
 */
export function nextNumber() {
  number += 1;
  keep(NUMBER, String(number));
  return number;
}

/**
 * @param {string} key
 * @param {string} value
 */
function keep(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // the browser keeps nothing for this site: a reloaded page is a stranger
  }
}

/** @param {string} key */
function kept(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function wasReloaded() {
  return performance.getEntriesByType("navigation").some((entry) => "type" in entry && entry.type === "reload");
}
