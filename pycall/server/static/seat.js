/**
 * The secret by which this page is known to the server, for as long as its tab lives.
 *
 * A page that is reloaded after it broke down has its old seat back by it. A tab that is duplicated is
 * somebody else, though the browser copies what the tab keeps.
 */

const KEY = "pycall-seat";

let token = wasReloaded() ? kept() : "";

/** What to show to the server; empty before it has given one. */
export function seatToken() {
  return token;
}

/** @param {string} told by the server */
export function keepSeatToken(told) {
  if (told === "" || told === token) return;
  token = told;
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // the browser keeps nothing for this site: a reloaded page is a stranger
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function wasReloaded() {
  return performance.getEntriesByType("navigation").some((entry) => "type" in entry && entry.type === "reload");
}
