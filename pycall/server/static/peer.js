/** One attempt's connection to the other end: an RTCPeerConnection and its control channel; no page. */

import { CONTROL_LABEL, parseControl } from "./messages.js";

/** How often the other end is asked for an answer, and how often what has come is counted. */
const PULSE_MS = 1000;

/** What a farewell may take to leave before the connection closes. */
const FAREWELL_MS = 300;

/** @typedef {"audio" | "video"} Kind */

/**
 * What is sent; `null` sends nothing of that kind, until a track takes its place.
 * @typedef {Record<Kind, MediaStreamTrack | null>} Outgoing
 */

/**
 * What the connection reports.
 * @typedef {object} PeerListener
 * @property {(candidate: RTCIceCandidateInit | null) => void} candidate one of ours was found
 * @property {(path: "direct" | "relay") => void} connected media can flow
 * @property {(why: string) => void} failed
 * @property {() => void} opened the control channel can be spoken on
 * @property {(control: import("./messages.js").State | import("./messages.js").Bye) => void} control
 * @property {(roundTripMs: number) => void} answered
 * @property {(silentMs: number) => void} pulse for how long nothing at all has come
 */

/** Use once: either {@link offer} and {@link acceptAnswer}, or {@link acceptOffer}. */
export class Peer {
  #connection;
  #outgoing;
  #listener;
  /** @type {RTCDataChannel | null} */
  #channel = null;
  /** @type {Partial<Record<Kind, RTCRtpTransceiver>>} */
  #sections = {};
  /** Gives what we send one name, by which the other end plays both in time. */
  #together = new MediaStream();
  /** What is received. */
  stream = new MediaStream();
  /** Steps on one connection run one after the other; only closing overtakes. */
  #steps = Promise.resolve();
  #closed = false;
  #pulse;
  #received = 0;
  #heardAt = performance.now();

  /**
   * @param {RTCIceServer[]} iceServers
   * @param {Outgoing} outgoing
   * @param {PeerListener} listener
   */
  constructor(iceServers, outgoing, listener) {
    this.#outgoing = { ...outgoing };
    this.#listener = listener;
    this.#connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#connection.addEventListener("icecandidate", (event) =>
      this.#unlessClosed(() => listener.candidate(event.candidate ? event.candidate.toJSON() : null)),
    );
    this.#connection.addEventListener("connectionstatechange", () => this.#stateChanged());
    this.#connection.addEventListener("track", ({ track }) => this.stream.addTrack(track));
    this.#connection.addEventListener("datachannel", ({ channel }) => {
      if (channel.label === CONTROL_LABEL && this.#channel === null) this.#attach(channel);
      else channel.close();
    });
    this.#pulse = setInterval(() => void this.#beat(), PULSE_MS);
  }

  /**
   * Propose a call.
   * @param {(sdp: string) => void} send
   */
  offer(send) {
    this.#step(async () => {
      this.#attach(this.#connection.createDataChannel(CONTROL_LABEL));
      for (const kind of /** @type {Kind[]} */ (["audio", "video"])) {
        this.#sections[kind] = this.#connection.addTransceiver(this.#outgoing[kind] ?? kind, {
          direction: "sendrecv",
          streams: [this.#together],
        });
      }
      await this.#connection.setLocalDescription();
      send(this.#connection.localDescription?.sdp ?? "");
    });
  }

  /**
   * Answer an offer.
   * @param {string} sdp
   * @param {(sdp: string) => void} send
   */
  acceptOffer(sdp, send) {
    this.#step(async () => {
      await this.#connection.setRemoteDescription({ type: "offer", sdp });
      for (const section of this.#connection.getTransceivers()) await this.#take(section);
      await this.#connection.setLocalDescription();
      send(this.#connection.localDescription?.sdp ?? "");
    });
  }

  /** @param {string} sdp */
  acceptAnswer(sdp) {
    this.#step(() => this.#connection.setRemoteDescription({ type: "answer", sdp }));
  }

  /**
   * A candidate of the other end, or `null`: it has no more. What is none is dropped.
   * @param {RTCIceCandidateInit | null} candidate
   */
  addCandidate(candidate) {
    this.#step(async () => {
      try {
        await this.#connection.addIceCandidate(candidate ?? undefined);
      } catch (error) {
        console.debug("Dropped a candidate:", error);
      }
    });
  }

  /**
   * Send another track from now on, without a new description.
   * @param {Kind} kind
   * @param {MediaStreamTrack | null} track
   */
  send(kind, track) {
    this.#outgoing[kind] = track;
    this.#step(async () => void (await this.#sections[kind]?.sender.replaceTrack(this.#outgoing[kind])));
  }

  /**
   * Say something on the control channel, if it is open.
   * @param {import("./messages.js").Control} control
   */
  say(control) {
    if (this.#channel?.readyState === "open") this.#channel.send(JSON.stringify(control));
  }

  /**
   * End the connection; nothing is reported afterwards.
   * @param {{farewell: boolean}} how with `farewell` the other end is told that it is on purpose
   */
  close({ farewell }) {
    if (this.#closed) return;
    if (farewell) this.say({ type: "bye" });
    this.#closed = true;
    clearInterval(this.#pulse);
    const waits = farewell && this.#channel?.readyState === "open";
    setTimeout(() => this.#connection.close(), waits ? FAREWELL_MS : 0);
  }

  /**
   * Send on a section of the other end's offer: one of each kind, as far as it listens.
   * @param {RTCRtpTransceiver} section
   */
  async #take(section) {
    const kind = /** @type {Kind} */ (section.receiver.track.kind);
    if (this.#sections[kind]) return;
    this.#sections[kind] = section;
    section.direction = "sendrecv";
    section.sender.setStreams?.(this.#together);
    await section.sender.replaceTrack(this.#outgoing[kind]);
  }

  /** @param {RTCDataChannel} channel */
  #attach(channel) {
    this.#channel = channel;
    const opened = () => this.#unlessClosed(() => this.#listener.opened());
    if (channel.readyState === "open") queueMicrotask(opened);
    else channel.addEventListener("open", opened);
    channel.addEventListener("close", () =>
      this.#unlessClosed(() => this.#listener.control({ type: "bye" })), // its connection was closed on purpose
    );
    channel.addEventListener("message", ({ data }) => this.#unlessClosed(() => this.#heard(data)));
  }

  /** @param {unknown} text */
  #heard(text) {
    const control = parseControl(text);
    switch (control?.type) {
      case "ping":
        this.say({ type: "pong", t: control.t, clock: Date.now() / 1000 });
        break;
      case "pong":
        this.#listener.answered(Math.max(0, Date.now() - control.t * 1000));
        break;
      case "state":
      case "bye":
        this.#listener.control(control);
        break;
      default:
        console.debug("Dropped what came on the control channel.");
    }
  }

  #stateChanged() {
    this.#unlessClosed(() => {
      switch (this.#connection.connectionState) {
        case "connected":
          void this.#path().then((path) => this.#unlessClosed(() => this.#listener.connected(path)));
          break;
        case "failed":
          this.#listener.failed("no network path between the two was found");
          break;
        default:
      }
    });
  }

  /** Whether media goes from one to the other, or through a TURN server. */
  async #path() {
    /** @type {Map<string, any>} */
    const stats = new Map(await this.#connection.getStats());
    const pairs = [...stats.values()].filter((each) => each.type === "candidate-pair" && each.nominated);
    const ends = pairs.flatMap((pair) => [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)]);
    return ends.some((end) => end?.candidateType === "relay") ? "relay" : "direct";
  }

  async #beat() {
    this.say({ type: "ping", t: Date.now() / 1000 });
    let received = 0;
    for (const each of (await this.#connection.getStats()).values()) {
      if (each.type === "candidate-pair") received += each.bytesReceived ?? 0;
    }
    const now = performance.now();
    if (received !== this.#received) [this.#received, this.#heardAt] = [received, now];
    this.#unlessClosed(() => this.#listener.pulse(now - this.#heardAt));
  }

  /** @param {() => Promise<void>} work */
  #step(work) {
    this.#steps = this.#steps
      .then(() => (this.#closed ? undefined : work()))
      .catch((error) => {
        console.warn(error);
        this.#unlessClosed(() => this.#listener.failed("the two could not agree on a connection"));
      });
  }

  /** @param {() => void} report */
  #unlessClosed(report) {
    if (!this.#closed) report();
  }
}
