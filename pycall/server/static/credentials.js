/**
 * What this page shows to be let into a closed room, for as long as its tab lives: a password, and the invite
 * that a link brought.
 */

const PASSWORD = "pycall-password";
const INVITE = "pycall-invite-";

/** Codes of servers that ask for a password: as in pycall/core/credentials.py. */
const ASKING_FOR_A_PASSWORD = ["password-refused", "password-and-invite-refused"];
const ASKING_FOR_AN_INVITE = ["invite-refused", "password-and-invite-refused"];

/**
 * @typedef {{password: string, invite: string}} Credentials
 */

/** @type {Map<string, string>} what the browser does not keep for this site */
const forgotten = new Map();

/**
 * Whether it is the code of a closed server that does not let us in.
 * @param {unknown} code
 * @returns {code is string}
 */
export function isRefusal(code) {
  return asksForPassword(code) || ASKING_FOR_AN_INVITE.includes(String(code));
}

/** @param {unknown} code */
export function asksForPassword(code) {
  return ASKING_FOR_A_PASSWORD.includes(String(code));
}

/**
 * Take the invite to a room out of the page's address, where it would be seen and copied.
 * @param {string} room
 */
export function takeInvite(room) {
  const invite = new URLSearchParams(location.hash.slice(1)).get("invite");
  if (!invite) return;
  keep(INVITE + room, invite);
  history.replaceState(history.state, "", location.pathname + location.search);
}

/**
 * @param {string} room
 * @returns {string} empty if there is none
 */
export function inviteTo(room) {
  return kept(INVITE + room);
}

/**
 * What follows the link of a room so that whoever it is sent to is let in; nothing, where an invite is for one
 * person.
 * @param {string} room
 */
export function passedOn(room) {
  const invite = inviteTo(room);
  return invite.startsWith("m") ? `#invite=${invite}` : "";
}

export function keptPassword() {
  return kept(PASSWORD);
}

/** @param {string} password */
export function keepPassword(password) {
  keep(PASSWORD, password);
}

/**
 * @param {string} key
 * @param {string} value
 */
function keep(key, value) {
  forgotten.set(key, value);
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // the browser keeps nothing for this site: after a reload it is asked again
  }
}

/** @param {string} key */
function kept(key) {
  try {
    return sessionStorage.getItem(key) ?? forgotten.get(key) ?? "";
  } catch {
    return forgotten.get(key) ?? "";
  }
}
