/** How long a call waits for what, in milliseconds; the same as pycall/core/patience.py. */

/** From both being in the room to media. */
export const CONNECT_MS = 20_000;

/** How long a description for a client that may take no later candidates waits for all of them. */
export const CANDIDATES_MS = 1_000;

/** Silence after which another connection is built. */
export const SILENCE_MS = 2_000;

/** How long what was gathered is offered: a NAT forgets a mapping nobody uses after half a minute. */
export const FRESH_MS = 20_000;

/** A deadline seen this late passed in a sleep of this computer. */
export const OVERSLEPT_MS = 2_000;

/** Between two questions for a seat that somebody has taken while our call goes on. */
export const RESEAT_MS = 5_000;

/** How long a call tries to get its media back. */
export const RECONNECT_MS = 60_000;

/** How long a connection that the other end closed may only be the beginning of its goodbye. */
export const TELL_MS = 1_000;

/** When asking for another connection led to nothing: the question, or its answer, went astray. */
export const ASK_AGAIN_MS = 2_000;

/** After a new connection that failed, and before the next is asked for. */
export const PAUSE_MS = 1_000;

/** What a new connection may take before one more is tried. */
export const BUILD_MS = 10_000;

/** Silence after which the other one counts as lost when the server has already lost it. */
export const SILENCE_AFTER_BYE_MS = 3_000;

/** How long the server gets to say that who knocked was only the one who has just gone. */
export const KNOCK_MS = 1_000;

/** Before a fresh seat is asked for after an attempt that failed, each time twice as long. */
export const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 60_000;

/** How much later than the connection the other end's part of the words may come, through the server. */
export const WORDS_MS = 5_000;
