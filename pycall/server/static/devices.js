/** Camera, microphone and screen of this machine: what is open, what is wrong, what can be chosen. */

import { recall, remember } from "./memory.js";

/**
 * A kind of device that is opened.
 * @typedef {import("./peer.js").Kind} Kind
 */

/**
 * @typedef {"insecure" | "denied" | "none" | "busy" | "gone" | "failed"} Problem
 */

const KINDS = /** @type {const} */ (["audio", "video"]);

/** Under what the choice of each kind is kept; a browser gives every site ids of its own. */
const CHOICE = /** @type {const} */ ({ audio: "microphone", video: "camera" });

/** @type {Record<Kind, MediaTrackConstraints>} */
const WANTED = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  video: {
    width: { ideal: 640, max: 1280 },
    height: { ideal: 480, max: 720 },
    frameRate: { ideal: 30, max: 30 },
  },
};

export class Devices {
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  #tracks = { audio: null, video: null };
  /** @type {MediaStreamTrack | null} */
  #screen = null;
  /** @type {Record<Kind, Problem | null>} */
  problems = { audio: null, video: null };
  muted = false;
  cameraOff = false;
  /** Whether the browser is asking, or a device is being opened. */
  opening = false;
  #changed;
  /** Devices that answer an opening of before the last {@link close} are let go. */
  #opened = 0;

  /** @param {() => void} changed called whenever anything here has */
  constructor(changed) {
    this.#changed = changed;
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#pluggedOrUnplugged());
  }

  /** The microphone; while muted it gives silence. */
  get microphone() {
    return this.#tracks.audio;
  }

  /** The picture to send: the shared screen, or the camera, which gives black while off. */
  get picture() {
    return this.#screen ?? this.#tracks.video;
  }

  get sharing() {
    return this.#screen !== null;
  }

  /** Whether nothing can be heard of us. */
  get silent() {
    return this.muted || this.#tracks.audio === null;
  }

  /** Whether nothing can be seen of us. */
  get dark() {
    return this.#screen === null && (this.cameraOff || this.#tracks.video === null);
  }

  /** Whether this browser can share a screen; phones cannot. */
  static get canShare() {
    return typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  /** Open camera and microphone, with one question; what cannot be opened is told in `problems`. */
  async open() {
    if (!navigator.mediaDevices) {
      this.problems = { audio: "insecure", video: "insecure" };
      this.#changed();
      return;
    }
    const turn = ++this.#opened;
    this.opening = true;
    this.#changed();
    try {
      this.#take(turn, await navigator.mediaDevices.getUserMedia(constraints(KINDS)));
    } catch {
      for (const kind of KINDS) await this.#openOne(turn, kind); // at least one of them is missing
    }
    if (turn === this.#opened) this.opening = false;
    this.#changed();
  }

  /** Let go of everything. */
  close() {
    this.#opened += 1;
    this.opening = false;
    this.stopSharing();
    for (const kind of KINDS) this.#drop(kind);
    this.#changed();
  }

  /**
   * Use this device from now on, and next time.
   * @param {Kind} kind
   * @param {string} id
   */
  async choose(kind, id) {
    remember(CHOICE[kind], id);
    this.#drop(kind); // some cameras, and all on phones, are free for the next only then
    await this.#openOne(this.#opened, kind);
    this.#changed();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.#apply();
  }

  /** @param {boolean} off */
  turnCameraOff(off) {
    this.cameraOff = off;
    this.#apply();
  }

  /** Ask for a screen or window, and send it; nothing happens if the question is declined. */
  async share() {
    const stream = await navigator.mediaDevices
      .getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false })
      .catch(() => null);
    const track = stream?.getVideoTracks()[0] ?? null;
    if (!track) return;
    track.contentHint = "detail"; // rather sharp than smooth
    track.addEventListener("ended", () => this.stopSharing()); // by the browser's own button
    this.stopSharing();
    this.#screen = track;
    this.#changed();
  }

  stopSharing() {
    if (!this.#screen) return;
    this.#screen.stop();
    this.#screen = null;
    this.#changed();
  }

  /** What can be chosen; names are empty until the browser has given a device. */
  async list() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    /** @param {MediaDeviceKind} kind */
    const of = (kind) => all.filter((each) => each.kind === kind && each.deviceId !== "");
    const speakers = "setSinkId" in HTMLMediaElement.prototype ? of("audiooutput") : [];
    return { microphones: of("audioinput"), cameras: of("videoinput"), speakers };
  }

  /** @param {Kind} kind */
  idOf(kind) {
    return this.#tracks[kind]?.getSettings().deviceId ?? "";
  }

  /**
   * @param {number} turn
   * @param {Kind} kind
   */
  async #openOne(turn, kind) {
    if (turn !== this.#opened) return;
    try {
      this.#take(turn, await open(kind));
    } catch (error) {
      if (turn === this.#opened) this.problems = { ...this.problems, [kind]: problemOf(error) };
    }
  }

  /**
   * @param {number} turn
   * @param {MediaStream} stream
   */
  #take(turn, stream) {
    for (const track of stream.getTracks()) {
      const kind = /** @type {Kind} */ (track.kind);
      if (turn !== this.#opened) {
        track.stop();
        continue;
      }
      this.#drop(kind);
      this.#tracks[kind] = track;
      this.problems = { ...this.problems, [kind]: null };
      track.addEventListener("ended", () => {
        if (this.#tracks[kind] !== track) return;
        this.#tracks[kind] = null;
        this.problems = { ...this.problems, [kind]: "gone" };
        this.#changed();
      });
    }
    this.#apply();
  }

  /** @param {Kind} kind */
  #drop(kind) {
    const track = this.#tracks[kind];
    this.#tracks[kind] = null;
    track?.stop();
  }

  #apply() {
    if (this.#tracks.audio) this.#tracks.audio.enabled = !this.muted;
    if (this.#tracks.video) this.#tracks.video.enabled = !this.cameraOff;
    this.#changed();
  }

  /** Take a device that comes while one is missed. */
  async #pluggedOrUnplugged() {
    const { microphones, cameras } = await this.list();
    const there = { audio: microphones.length > 0, video: cameras.length > 0 };
    for (const kind of KINDS) {
      const missed = this.problems[kind] === "none" || this.problems[kind] === "gone";
      if (missed && there[kind]) await this.#openOne(this.#opened, kind);
    }
    this.#changed();
  }
}

/**
 * The device chosen last time, or any other if that one is gone.
 * @param {Kind} kind
 */
async function open(kind) {
  try {
    return await navigator.mediaDevices.getUserMedia(constraints([kind]));
  } catch (error) {
    if (problemOf(error) !== "none" || !recall(CHOICE[kind])) throw error;
    return navigator.mediaDevices.getUserMedia({ [kind]: WANTED[kind] });
  }
}

/**
 * @param {readonly Kind[]} kinds
 * @returns {MediaStreamConstraints}
 */
function constraints(kinds) {
  /** @type {MediaStreamConstraints} */
  const wanted = {};
  for (const kind of kinds) {
    const id = recall(CHOICE[kind]);
    wanted[kind] = id ? { ...WANTED[kind], deviceId: { exact: id } } : WANTED[kind];
  }
  return wanted;
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
function problemOf(error) {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}
