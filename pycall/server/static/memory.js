/** What this browser keeps for the next call: a name, and which devices. */

/**
 * @typedef {"name" | "microphone" | "camera" | "speaker"} Key
 */

/**
 * @param {Key} key
 * @returns {string} empty if nothing is kept
 */
export function recall(key) {
  try {
    return localStorage.getItem(`pycall-${key}`) ?? "";
  } catch {
    return ""; // the browser keeps nothing for this site
  }
}

/**
 * @param {Key} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(`pycall-${key}`, value);
  } catch {
    // as above: it is asked again next time
  }
}
