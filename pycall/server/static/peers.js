/** The peer connections of a call: the same goes out on all, and what the carrying one receives comes in. */

import { makeIdentity } from "./identity.js";
import { Peer } from "./peer.js";
import { QUIET } from "./standing.js";

/**
 * @typedef {import("./peer.js").Kind} Kind
 * @typedef {import("./peer.js").Outgoing} Outgoing
 * @typedef {import("./peer.js").PeerListener} PeerListener
 */

/**
 * What a connection reports that is for others to decide about.
 * @typedef {Omit<PeerListener, "track" | "opened">} Reports
 */

/** @type {Outgoing} */
const NOTHING = { audio: null, video: null };

export class Peers {
  /** What is received, whichever carries the call: who plays it goes on from one to the next. */
  stream = new MediaStream();
  /** By the numbers of their attempts. @type {Map<number, {peer: Peer, tracks: MediaStreamTrack[], isHeld: boolean}>} */
  #all = new Map();
  #carrying = 0;
  /** What all connections show. @type {RTCCertificate[] | null} */
  #identity = null;
  /** Orders that came before it was made, which takes milliseconds. @type {import("./orders.js").PeerOrder[]} */
  #early = [];
  #outgoing;
  /** What we do. @type {import("./messages.js").State} */
  #state = { type: "state", ...QUIET };
  #reportsOf;

  /**
   * @param {Outgoing} outgoing
   * @param {(attempt: number) => Reports} reportsOf
   */
  constructor(outgoing, reportsOf) {
    this.#outgoing = { ...outgoing };
    this.#reportsOf = reportsOf;
    void makeIdentity().then((identity) => {
      this.#identity = identity;
      for (const order of this.#early.splice(0)) this.carryOut(order);
    });
  }

  /**
   * @param {Kind} kind
   * @param {MediaStreamTrack | null} track
   */
  send(kind, track) {
    if (this.#outgoing[kind] === track) return;
    this.#outgoing[kind] = track;
    for (const { peer, isHeld } of this.#all.values()) if (!isHeld) peer.send(kind, track);
  }

  /**
   * Tell the other end what we do.
   * @param {boolean} muted
   * @param {boolean} cameraOff
   */
  tell(muted, cameraOff) {
    if (this.#state.muted === muted && this.#state.camera_off === cameraOff) return;
    this.#state = { ...this.#state, muted, camera_off: cameraOff };
    for (const { peer } of this.#all.values()) peer.say(this.#state);
  }

  /** @param {import("./orders.js").PeerOrder} order */
  carryOut(order) {
    if (!this.#identity) return void this.#early.push(order);
    const peer = this.#all.get(order.attempt)?.peer;
    switch (order.order) {
      case "open":
        return this.#open(order.attempt, order.iceServers, this.#identity);
      case "send media":
        return this.#release(order.attempt);
      case "create offer":
        return peer?.offer(order.waitMs);
      case "accept offer":
        return peer?.acceptOffer(order.sdp, order.waitMs);
      case "accept answer":
        return peer?.acceptAnswer(order.sdp);
      case "add candidate":
        return peer?.addCandidate(order.candidate);
      case "carry":
        this.#carrying = order.attempt;
        return this.#show();
      case "close":
        this.#all.delete(order.attempt);
        return peer?.close({ farewell: order.farewell });
    }
  }

  /** Whoever is received next is somebody else. */
  receiveAnew() {
    this.#carrying = 0;
    this.stream = new MediaStream();
  }

  /**
   * Nothing of camera and microphone goes out until {@link #release}.
   * @param {number} attempt
   * @param {RTCIceServer[]} iceServers
   * @param {RTCCertificate[]} identity
   */
  #open(attempt, iceServers, identity) {
    const reports = this.#reportsOf(attempt);
    /** @type {MediaStreamTrack[]} */
    const tracks = [];
    const peer = new Peer(iceServers, identity, NOTHING, {
      ...reports,
      track: (track) => {
        tracks.push(track);
        this.#show();
      },
      opened: () => peer.say(this.#state),
      answered: (roundTripMs) => {
        if (attempt === this.#carrying) reports.answered(roundTripMs);
      },
    });
    this.#all.set(attempt, { peer, tracks, isHeld: true });
  }

  /** @param {number} attempt */
  #release(attempt) {
    const held = this.#all.get(attempt);
    if (!held) return;
    held.isHeld = false;
    held.peer.send("audio", this.#outgoing.audio);
    held.peer.send("video", this.#outgoing.video);
  }

  /**
   * Let the stream have what the carrying one receives. One kind after the other: a stream that
   * is empty for a moment has ended, and of two tracks with one id it takes only the first.
   */
  #show() {
    const tracks = this.#all.get(this.#carrying)?.tracks ?? [];
    for (const kind of ["audio", "video"]) {
      const [before, now] = [this.stream.getTracks(), tracks].map((all) => all.filter((one) => one.kind === kind));
      for (const track of before ?? []) if (!tracks.includes(track)) this.stream.removeTrack(track);
      for (const track of now ?? []) this.stream.addTrack(track);
    }
  }
}
