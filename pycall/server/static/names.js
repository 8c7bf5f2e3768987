/** Names that people choose: the same rules as pycall/core/names.py. */

/** Most characters of a room name or a display name. */
export const MAX_NAME = 64;

export const ROOM_NAME_RULE =
  "A room name has 1 to 64 letters, digits, “-”, “_” or “.”, and does not begin with a dot.";

const ROOM_NAME = /^(?!\.)[\p{L}\p{Nd}\-_.]{1,64}$/u;

const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * The room name to use for what was typed, or `null` if it is none.
 * @param {string} text
 * @returns {string | null}
 */
export function checkRoomName(text) {
  const name = text.normalize("NFC");
  return ROOM_NAME.test(name) ? name : null;
}

/**
 * The room of a call page's path, `/r/ROOM`; the server has checked it.
 * @param {string} path
 * @returns {string}
 */
export function roomOfPath(path) {
  return decodeURIComponent(path.split("/")[2] ?? "").normalize("NFC");
}

/**
 * Somebody's name as one line to show: what is invisible, or turns the direction of writing, is dropped.
 * @param {unknown} text
 * @returns {string} possibly empty
 */
export function cleanDisplayName(text) {
  if (typeof text !== "string") return "";
  const words = text.slice(0, 4 * MAX_NAME).normalize("NFC").split(/\s+/u);
  const shown = words.map((word) => word.replace(INVISIBLE, "")).filter(Boolean).join(" ");
  return [...shown].slice(0, MAX_NAME).join("").trimEnd();
}
