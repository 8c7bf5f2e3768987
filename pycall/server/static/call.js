/**
 * The decisions of a stay in a room: who offers, what belongs to whom, when somebody is gone.
 *
 * It mirrors pycall/core/call.py. Who was in the room first offers, so two offers never cross. A new
 * peer connection is a new attempt; a message of another epoch than the pair's is dropped. There is
 * no page in here.
 */

import { Peer } from "./peer.js";
import { Signalling } from "./signalling.js";

/** From both being in the room to media. */
const CONNECT_TIMEOUT_MS = 20_000;

/** Silence that is worth telling, that ends a call, and that ends it when the server has lost the peer too. */
export const SILENCE_TOLD_MS = 2_500;
const SILENCE_LOST_MS = 30_000;
const SILENCE_AFTER_BYE_MS = 3_000;

/** Candidates kept until the description they belong to has come. */
const MAX_EARLY_CANDIDATES = 40;

/** Before joining again after a failure; it grows with each. */
const PAUSE_MS = 1_000;

/**
 * What is known of the call.
 * @typedef {"joining" | "waiting" | "connecting" | "connected" | "ended"} Phase
 */

/**
 * What a call tells: `changed` whenever anything a person may see has.
 * @typedef {object} CallListener
 * @property {() => void} changed
 * @property {(sentence: string) => void} noticed something that ends nothing
 */

export class Call {
  /** @type {Phase} */
  phase = "joining";
  /** @type {import("./signalling.js").Person | null} */
  peer = null;
  /** What the other one does. */
  theirs = { muted: false, camera_off: false, recording: false };
  /** Whether the server can be reached. */
  reachable = true;
  /** For how long nothing has come from the other one. */
  silentMs = 0;
  /** @type {number | null} */
  roundTripMs = null;
  /** @type {"direct" | "relay" | null} */
  path = null;
  /** When the present call began, by `performance.now()`. */
  connectedAt = 0;
  /** Why it ended; `null` for our own hanging up. @type {string | null} */
  problem = null;

  #listener;
  #signalling;
  /** @type {Peer | null} */
  #attempt = null;
  /** @type {import("./peer.js").Outgoing} */
  #outgoing;
  /** @type {import("./messages.js").State} */
  #ours = { type: "state", muted: false, camera_off: false, recording: false };
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  /** @type {number | null} */
  #epoch = null;
  #offering = false;
  #described = false;
  /** @type {(RTCIceCandidateInit | null)[]} */
  #early = [];
  #droppedByServer = false;
  /** @type {{peer: import("./signalling.js").Person, epoch: number | null} | null} */
  #knocking = null;
  #failures = 0;
  #patience = 0;
  #pause = 0;

  /**
   * @param {string} server
   * @param {string} room
   * @param {string} name
   * @param {import("./peer.js").Outgoing} outgoing
   * @param {CallListener} listener
   */
  constructor(server, room, name, outgoing, listener) {
    this.room = room;
    this.#outgoing = { ...outgoing };
    this.#listener = listener;
    this.#signalling = new Signalling(server, room, name, {
      opened: () => this.#change({ reachable: true }),
      lost: () => this.#change({ reachable: false }),
      joined: (...told) => this.#joined(...told),
      otherJoined: (peer, epoch) => this.#otherJoined(peer, epoch),
      otherLeft: (id, reason) => this.#otherLeft(id, reason),
      full: () => this.#full(),
      refused: (sentence) => this.#refused(sentence),
      messageReceived: (message) => this.#received(message),
    });
  }

  /** What is received; `null` while there is nobody. */
  get stream() {
    return this.phase === "connected" ? (this.#attempt?.stream ?? null) : null;
  }

  /**
   * @param {import("./peer.js").Kind} kind
   * @param {MediaStreamTrack | null} track
   */
  send(kind, track) {
    if (this.#outgoing[kind] === track) return;
    this.#outgoing[kind] = track;
    this.#attempt?.send(kind, track);
  }

  /**
   * Tell the other one what we do.
   * @param {boolean} muted
   * @param {boolean} cameraOff
   */
  tell(muted, cameraOff) {
    if (this.#ours.muted === muted && this.#ours.camera_off === cameraOff) return;
    this.#ours = { ...this.#ours, muted, camera_off: cameraOff };
    this.#attempt?.say(this.#ours);
  }

  /** End it, on purpose. */
  hangUp() {
    this.#finish(null);
  }

  // The room

  /** @type {import("./signalling.js").SignallingListener["joined"]} */
  #joined(peer, epoch, iceServers, resumed) {
    this.#iceServers = iceServers;
    if (resumed) {
      // Who came while we were away found us there, so that we offer.
      if (peer && peer.id !== this.peer?.id) this.#otherJoined(peer, epoch);
      else if (!peer && this.peer) this.#otherLeft(this.peer.id, "lost");
      return;
    }
    if (this.phase === "connected") return; // the call outlived its connection to the server
    this.#reset();
    if (peer) this.#pair(peer, epoch);
    this.#change({});
  }

  /** @type {import("./signalling.js").SignallingListener["otherJoined"]} */
  #otherJoined(peer, epoch) {
    if (this.phase === "joining") return;
    if (this.phase === "connected") {
      // The same one, back at the server, or the next one: the media of the old decides.
      this.#knocking = { peer, epoch };
      return;
    }
    if (this.phase === "connecting") this.#reset();
    this.#offering = true;
    this.#pair(peer, epoch)?.offer((sdp) => this.#signalling.send({ type: "offer", sdp, epoch }));
  }

  /**
   * @param {import("./signalling.js").Person} peer
   * @param {number | null} epoch
   */
  #pair(peer, epoch) {
    this.#epoch = epoch;
    this.#patience = setTimeout(() => this.#failed("nothing answered"), CONNECT_TIMEOUT_MS);
    this.#attempt = this.#open();
    this.#change({ peer, phase: "connecting" });
    return this.#attempt;
  }

  /** @type {import("./signalling.js").SignallingListener["otherLeft"]} */
  #otherLeft(id, reason) {
    if (this.#knocking?.peer.id === id) {
      this.#knocking = null;
      this.#droppedByServer = true;
    } else if (this.peer?.id === id) {
      if (reason === "lost" && this.phase === "connected") this.#droppedByServer = true;
      else this.#peerGone(reason);
    }
  }

  #full() {
    if (this.phase === "connected") {
      this.#listener.noticed("Somebody else took our place in the room; the call itself goes on.");
    } else {
      this.#finish(`The room ${this.room} is full: two are talking there already.`);
    }
  }

  /** @param {string} sentence */
  #refused(sentence) {
    if (this.phase === "joining") this.#finish(sentence);
    else this.#listener.noticed(sentence);
  }

  // The two ends

  /** @param {import("./messages.js").Message} message */
  #received(message) {
    if (this.phase === "waiting" && message.type === "offer") {
      this.#pair({ id: "", name: "" }, message.epoch); // a plain server does not tell who was there first
    }
    if (this.phase !== "connecting" || !this.#attempt) return;
    const { epoch } = message;
    if (epoch !== null && this.#epoch !== null && epoch !== this.#epoch) return;
    if (message.type === "candidate") {
      this.#candidate(message.candidate);
    } else if (!this.#described && this.#offering === (message.type === "answer")) {
      if (message.type === "answer") this.#attempt.acceptAnswer(message.sdp);
      else {
        this.#attempt.acceptOffer(message.sdp, (sdp) =>
          this.#signalling.send({ type: "answer", sdp, epoch: this.#epoch }),
        );
      }
      this.#described = true;
      for (const early of this.#early.splice(0)) this.#attempt.addCandidate(early);
    }
  }

  /** @param {RTCIceCandidateInit | null} candidate */
  #candidate(candidate) {
    if (this.#described) this.#attempt?.addCandidate(candidate);
    else if (this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(candidate);
  }

  // The peer connection

  #open() {
    const epoch = this.#epoch;
    const attempt = new Peer(this.#iceServers, this.#outgoing, {
      candidate: (candidate) => this.#signalling.send({ type: "candidate", candidate, epoch }),
      connected: (path) => this.#connected(path),
      failed: (why) => this.#failed(why),
      opened: () => attempt.say(this.#ours),
      control: (control) => {
        if (control.type === "bye") this.#peerGone("left");
        else this.#change({ theirs: control });
      },
      answered: (roundTripMs) => this.#change({ roundTripMs }),
      pulse: (silentMs) => this.#pulse(silentMs),
    });
    return attempt;
  }

  /** @param {"direct" | "relay"} path */
  #connected(path) {
    if (this.phase !== "connecting") return;
    clearTimeout(this.#patience);
    this.#failures = 0;
    this.#change({ phase: "connected", path, connectedAt: performance.now() });
  }

  /** @param {number} silentMs */
  #pulse(silentMs) {
    if (this.phase !== "connected") return;
    const limit = this.#droppedByServer ? SILENCE_AFTER_BYE_MS : SILENCE_LOST_MS;
    if (silentMs < limit) this.#change({ silentMs });
    else this.#peerGone("lost");
  }

  /** @param {string} why */
  #failed(why) {
    if (this.phase !== "connecting" && this.phase !== "connected") return;
    this.#listener.noticed(
      this.phase === "connected"
        ? `The connection to ${this.peerWord} broke: ${why}.`
        : `No connection to ${this.peerWord} came about: ${why}. A firewall may block UDP.`,
    );
    this.#signalling.leave();
    this.#reset();
    this.#change({ phase: "joining" });
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#pause = setTimeout(() => this.#signalling.join(), PAUSE_MS * this.#failures);
  }

  // Endings

  /**
   * The other one left or vanished: wait for the next.
   * @param {"left" | "lost"} reason
   */
  #peerGone(reason) {
    const [word, knocking] = [this.peerWord, this.#knocking];
    this.#reset();
    this.#listener.noticed(reason === "left" ? `${word} left the call.` : `The connection to ${word} was lost.`);
    if (knocking) this.#otherJoined(knocking.peer, knocking.epoch);
  }

  /** @param {string | null} problem */
  #finish(problem) {
    if (this.phase === "ended") return;
    this.#reset({ farewell: true });
    this.#signalling.close();
    this.#change({ phase: "ended", problem });
  }

  /** Be in the room alone, with nothing left of an earlier attempt. */
  #reset({ farewell = false } = {}) {
    clearTimeout(this.#patience);
    clearTimeout(this.#pause);
    this.#attempt?.close({ farewell });
    this.#attempt = null;
    this.#offering = this.#described = this.#droppedByServer = false;
    this.#early = [];
    this.#epoch = null;
    this.#knocking = null;
    this.#change({
      phase: "waiting",
      peer: null,
      theirs: { muted: false, camera_off: false, recording: false },
      silentMs: 0,
      roundTripMs: null,
      path: null,
    });
  }

  /** How to speak of the other one. */
  get peerWord() {
    return this.peer?.name || "the other side";
  }

  /** @param {Partial<Call>} what */
  #change(what) {
    Object.assign(this, what);
    this.#listener.changed();
  }
}
