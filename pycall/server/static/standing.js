/** How a call stands, as far as a person may see it. */

import * as endings from "./endings.js";

/**
 * What is known of the call.
 * @typedef {"joining" | "waiting" | "connecting" | "connected" | "ended"} Phase
 */

/**
 * Why it ended: we hung up, the server said no, or the connection was lost for good.
 * @typedef {"hangup" | "refused" | "lost"} Ending
 */

/**
 * What a call tells: `changed` whenever anything a person may see has.
 * @typedef {object} CallListener
 * @property {() => void} changed
 * @property {(sentence: string) => void} noticed something that ends nothing
 */

/** What somebody does of whom nothing is known. */
export const QUIET = { muted: false, camera_off: false, recording: false };

export class Standing {
  /** @type {Phase} */
  phase = "joining";
  /** @type {import("./hearsay.js").Person | null} */
  peer = null;
  /** What the other one does. */
  theirs = QUIET;
  /** Whether the server can be reached. */
  reachable = true;
  /** Whether it cannot because there are too many connections from here. */
  crowded = false;
  /** Whether nothing comes from the other one, and another connection is built. */
  reconnecting = false;
  /** @type {number | null} */
  roundTripMs = null;
  /** @type {import("./orders.js").Path | null} */
  path = null;
  /** What is known of whether somebody sits between the two. @type {import("./orders.js").Verdict | null} */
  verdict = null;
  /** When the present call began, by `performance.now()`. */
  connectedAt = 0;
  /** @type {Ending} */
  ending = "hangup";
  /** Why it ended, for other endings than our own hanging up. */
  problem = "";
  /** The server's code for not letting us in; empty unless it did not. */
  refusal = "";

  /**
   * @param {string} room
   * @param {CallListener} listener
   */
  constructor(room, listener) {
    this.room = room;
    /** @protected */
    this.listener = listener;
  }

  /** How to speak of the other one. */
  get peerWord() {
    return this.peer?.name || "the other side";
  }

  /**
   * Know what is told of the connection.
   * @param {import("./orders.js").News} news
   * @protected
   */
  learn(news) {
    switch (news.order) {
      case "tell path":
        return this.change({ path: news.path });
      case "tell reconnecting":
        return this.change({ reconnecting: true, roundTripMs: null });
      case "tell reconnected":
        return this.change({ reconnecting: false });
      case "tell other key":
        return this.listener.noticed(endings.otherKey(this.peerWord));
      case "tell words":
        return this.change({ verdict: news });
      case "tell no words":
        this.listener.noticed(news.forged ? endings.FORGED : endings.NO_WORDS);
        return this.change({ verdict: news });
    }
  }

  /**
   * @param {Partial<Standing>} what
   * @protected
   */
  change(what) {
    Object.assign(this, what);
    this.listener.changed();
  }
}
