/** What was said to the server and is not confirmed yet: said again when we are back on our seat. */

/** As much as the server keeps for a seat; a pairing needs two descriptions and some candidates. */
const MOST_LETTERS = 64;
const MOST_CHARACTERS = 128 * 1024;

/**
 * An event for the server and its arguments.
 * @typedef {{event: string, args: unknown[]}} Letter
 */

/** Letters in the order they were written; those of another pairing than the present one mean nothing. */
export class Outbox {
  /** @type {Map<string, Letter>} by their text */
  #letters = new Map();
  #characters = 0;

  /**
   * Keep a letter until it is confirmed.
   * @param {Letter} letter
   * @returns {boolean} false if it is kept already, or too much is
   */
  put(letter) {
    const text = JSON.stringify(letter);
    if (this.#letters.has(text)) return false;
    if (this.#letters.size >= MOST_LETTERS || this.#characters + text.length > MOST_CHARACTERS) {
      console.warn(`The signalling server confirms nothing: ${letter.event} was not sent.`);
      return false;
    }
    this.#letters.set(text, letter);
    this.#characters += text.length;
    return true;
  }

  /**
   * The server has it; also when that is said twice, or late.
   * @param {Letter} letter
   */
  confirm(letter) {
    const text = JSON.stringify(letter);
    if (this.#letters.delete(text)) this.#characters -= text.length;
  }

  /** Nothing of it is of use any more. */
  clear() {
    this.#letters.clear();
    this.#characters = 0;
  }

  /** Those that are not confirmed. */
  get all() {
    return [...this.#letters.values()];
  }
}
