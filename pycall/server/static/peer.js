/** One attempt's connection to the other end: an RTCPeerConnection and its control channel; no page. */

import { Liveness, LOOK_MS } from "./liveness.js";
import { CONTROL_LABEL, parseControl } from "./messages.js";
import { NONCE_BYTES } from "./verification.js";

/** How often the other end is asked for an answer. */
const PING_MS = 1000;

/** What a farewell may take to leave before the connection closes. */
const FAREWELL_MS = 300;

/**
 * What tells that the other end is heard, and by what it is told from the one before: packets of media, reports on
 * ours, and messages. Handshakes are not among them: they show that a connection can stand, not that it carries
 * anything.
 * @type {Record<string, string>}
 */
const HEARD = {
  "inbound-rtp": "packetsReceived",
  "remote-inbound-rtp": "timestamp",
  "data-channel": "messagesReceived",
};

/** @typedef {"audio" | "video"} Kind */

/**
 * What is sent; `null` sends nothing of that kind, until a track takes its place.
 * @typedef {Record<Kind, MediaStreamTrack | null>} Outgoing
 */

/**
 * What the connection reports.
 * @typedef {object} PeerListener
 * @property {(type: "offer" | "answer", sdp: string, nonce: Uint8Array) => void} described
 * @property {(candidate: RTCIceCandidateInit | null) => void} gathered one of ours was found, or there are no more
 * @property {(path: import("./link.js").Path) => void} connected media can flow
 * @property {(path: import("./link.js").Path) => void} pathChanged
 * @property {(track: MediaStreamTrack) => void} track something is to be received
 * @property {(why: string) => void} failed
 * @property {() => void} closed the other end closed it
 * @property {() => void} opened the control channel can be spoken on
 * @property {(control: import("./messages.js").State | import("./messages.js").Bye) => void} control
 * @property {(roundTripMs: number) => void} answered
 * @property {() => void} heard something came, for the first time or after a silence
 * @property {(ms: number) => void} silent for so long nothing at all has come
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
  /** Steps on one connection run one after the other; only closing overtakes. */
  #steps = Promise.resolve();
  #described = false;
  #closed = false;
  #timers;
  #liveness = new Liveness();
  #looking = false;
  #lookAgain = false;
  #path = "";

  /**
   * @param {RTCIceServer[]} iceServers
   * @param {RTCCertificate[]} certificates the one to show, or none for one of the browser's
   * @param {Outgoing} outgoing
   * @param {PeerListener} listener
   */
  constructor(iceServers, certificates, outgoing, listener) {
    this.#outgoing = { ...outgoing };
    this.#listener = listener;
    this.#connection = connectionBy({ iceServers, certificates, bundlePolicy: "max-bundle" });
    this.#connection.addEventListener("icecandidate", ({ candidate }) => {
      if (this.#described) this.#unlessClosed(() => listener.gathered(candidate?.toJSON() ?? null));
    });
    this.#connection.addEventListener("connectionstatechange", () => this.#stateChanged());
    this.#connection.addEventListener("track", ({ track }) => this.#unlessClosed(() => listener.track(track)));
    this.#connection.addEventListener("datachannel", ({ channel }) => {
      if (channel.label === CONTROL_LABEL && this.#channel === null) this.#attach(channel);
      else channel.close();
    });
    this.#timers = [
      setInterval(() => this.say({ type: "ping", t: Date.now() / 1000 }), PING_MS),
      setInterval(() => void this.#look(), LOOK_MS),
    ];
  }

  /**
   * Propose a call; candidates are awaited for at most `waitMs`.
   * @param {number} waitMs
   */
  offer(waitMs) {
    this.#step(async () => {
      this.#attach(this.#connection.createDataChannel(CONTROL_LABEL));
      for (const kind of /** @type {Kind[]} */ (["audio", "video"])) {
        this.#sections[kind] = this.#connection.addTransceiver(this.#outgoing[kind] ?? kind, {
          direction: "sendrecv",
          streams: [this.#together],
        });
      }
      await this.#describe("offer", waitMs);
    });
  }

  /**
   * Answer an offer; candidates are awaited for at most `waitMs`.
   * @param {string} sdp
   * @param {number} waitMs
   */
  acceptOffer(sdp, waitMs) {
    this.#step(async () => {
      await this.#connection.setRemoteDescription({ type: "offer", sdp });
      for (const section of this.#connection.getTransceivers()) await this.#take(section);
      await this.#describe("answer", waitMs);
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
    for (const timer of this.#timers) clearInterval(timer);
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

  /**
   * @param {"offer" | "answer"} type
   * @param {number} waitMs
   */
  async #describe(type, waitMs) {
    await this.#connection.setLocalDescription();
    if (waitMs) await this.#gathered(waitMs);
    this.#unlessClosed(() => {
      this.#described = true; // the candidates so far are in it
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      this.#listener.described(type, this.#connection.localDescription?.sdp ?? "", nonce);
      if (this.#connection.iceGatheringState === "complete") this.#listener.gathered(null);
    });
  }

  /**
   * Wait for the end of gathering.
   * @param {number} waitMs at most
   * @returns {Promise<void>}
   */
  #gathered(waitMs) {
    return new Promise((done) => {
      setTimeout(done, waitMs);
      this.#connection.addEventListener("icegatheringstatechange", () => {
        if (this.#connection.iceGatheringState === "complete") done();
      });
    });
  }

  /** @param {RTCDataChannel} channel */
  #attach(channel) {
    this.#channel = channel;
    const opened = () => this.#unlessClosed(() => this.#listener.opened());
    if (channel.readyState === "open") queueMicrotask(opened);
    else channel.addEventListener("open", opened);
    channel.addEventListener("close", () => this.#unlessClosed(() => this.#listener.closed()));
    channel.addEventListener("message", ({ data }) => this.#unlessClosed(() => this.#said(data)));
  }

  /** @param {unknown} text */
  #said(text) {
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
      if (this.#connection.connectionState === "connected") void this.#look();
      if (this.#connection.connectionState === "failed") {
        this.#listener.failed("no network path between the two was found");
      }
    });
  }

  /** Once it stands: whether anything has come, and which way it goes. */
  async #look() {
    if (this.#connection.connectionState !== "connected" && this.#path === "") return;
    this.#lookAgain = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    /** @type {Map<string, any>} */
    const stats = new Map(await this.#connection.getStats());
    this.#looking = false;
    if (this.#closed) return;
    const told = this.#liveness.look(newestIn(stats), performance.now());
    if (this.#connection.connectionState === "connected") this.#tellPath(pathOf(stats));
    this.#unlessClosed(() => {
      if (told === "heard") this.#listener.heard();
      else if (told !== null) this.#listener.silent(told);
    });
    if (this.#lookAgain) void this.#look();
  }

  /** @param {import("./link.js").Path} path */
  #tellPath(path) {
    const [before, key] = [this.#path, JSON.stringify(path)];
    this.#path = key;
    if (before === "") this.#listener.connected(path);
    else if (before !== key) this.#listener.pathChanged(path);
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

/**
 * A connection like this; servers that the browser takes offence at are left out.
 * @param {RTCConfiguration} how
 */
function connectionBy(how) {
  try {
    return new RTCPeerConnection(how);
  } catch {
    return new RTCPeerConnection({ ...how, iceServers: how.iceServers?.filter(isUsable) ?? [] });
  }
}

/** @param {RTCIceServer} iceServer */
function isUsable(iceServer) {
  try {
    new RTCPeerConnection({ iceServers: [iceServer] }).close();
    return true;
  } catch (error) {
    console.warn(`Ignored the ICE server ${iceServer.urls}:`, error);
    return false;
  }
}

/**
 * The newest of each thing that can come.
 * @param {Map<string, any>} stats
 * @returns {Map<string, number>}
 */
function newestIn(stats) {
  const heard = [...stats.values()].filter((each) => each.type in HEARD);
  return new Map(heard.map((each) => [each.id, each[HEARD[each.type] ?? ""] ?? 0]));
}

/**
 * The way that media goes, from one to the other or through a TURN server.
 * @param {Map<string, any>} stats
 * @returns {import("./link.js").Path}
 */
function pathOf(stats) {
  const all = [...stats.values()];
  const chosen = all.find((each) => each.type === "transport" && each.selectedCandidatePairId);
  const pair =
    stats.get(chosen?.selectedCandidatePairId) ??
    all.find((each) => each.type === "candidate-pair" && each.nominated && each.state === "succeeded"); // Firefox
  const [near, far] = [stats.get(pair?.localCandidateId), stats.get(pair?.remoteCandidateId)];
  const [local, remote] = [near?.candidateType ?? "host", far?.candidateType ?? "host"];
  return {
    kind: local === "relay" || remote === "relay" ? "relay" : "direct",
    local,
    remote,
    protocol: (local === "relay" && near.relayProtocol) || near?.protocol || "udp",
  };
}
