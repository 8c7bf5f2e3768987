/**
 * Whether the other end is heard: told from the packets that came, as pycall/client/liveness.py does.
 *
 * There is no clock in here; times are milliseconds.
 */

/** Between two looks at what has come. */
export const LOOK_MS = 250;

/** Silence shorter than this is not told: receiver reports alone come about once a second (RFC 3550). */
const SILENT_MS = 1_000;

/** How much longer the first packet may take: the other end knows a round trip later that the path stands. */
const FIRST_MS = 2_000;

/**
 * A look this much late means that it was we who slept. A hidden page looks once a second, which is no
 * sleep: the browser goes on receiving and counting.
 */
const LATE_MS = 1_000;

/** Turns what has come so far into what the call is told, once the connection stands. */
export class Liveness {
  /** @type {Map<string, number>} */
  #newest = new Map();
  /** @type {number | null} */
  #heardAt = null;
  /** @type {number | null} */
  #lookedAt = null;
  #silent = true;

  /**
   * @param {Map<string, number>} newest of each thing that can come, its number or time; 0 before it has come
   * @param {number} now
   * @returns {"heard" | number | null} for how long nothing has come, or that something has again
   */
  look(newest, now) {
    const lateMs = this.#lookedAt === null ? 0 : now - this.#lookedAt - LOOK_MS;
    this.#lookedAt = now;
    const more = [...newest].some(([what, which]) => which !== (this.#newest.get(what) ?? 0));
    this.#newest = newest;
    if (more) {
      const wasSilent = this.#silent;
      this.#silent = false;
      this.#heardAt = now;
      return wasSilent ? "heard" : null;
    }
    this.#heardAt ??= now + FIRST_MS;
    if (lateMs > LATE_MS) this.#heardAt += lateMs;
    const silentMs = now - this.#heardAt;
    if (silentMs < SILENT_MS) return null;
    this.#silent = true;
    return silentMs;
  }
}
