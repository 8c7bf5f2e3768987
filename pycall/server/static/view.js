/** What the call page shows; it reads the call and the devices, and changes neither. */

import { passedOn } from "./credentials.js";
import { Devices } from "./devices.js";
import { element, write } from "./elements.js";
import { capital, clock, comparison, complaints, initials, status, theirPicture } from "./words.js";

/** How long a message over the pictures stays. */
const TOAST_MS = 7000;

/**
 * @typedef {import("./call.js").Call} Call
 */

export class View {
  page = element("call", HTMLElement);
  stage = element("stage", HTMLElement);
  remote = element("remote", HTMLVideoElement);
  local = element("local", HTMLVideoElement);
  panel = element("panel", HTMLElement);
  #room;
  #status = element("status", HTMLElement);
  #clock = element("clock", HTMLElement);
  #recording = element("recording", HTMLElement);
  #comparison = element("comparison", HTMLDetailsElement);
  #toast = element("toast", HTMLElement);
  #complaints = element("complaints", HTMLElement);
  #buttons = {
    mute: element("mute", HTMLButtonElement),
    camera: element("camera", HTMLButtonElement),
    share: element("share", HTMLButtonElement),
    full: element("full", HTMLButtonElement),
    settings: element("settings", HTMLButtonElement),
    join: element("join", HTMLButtonElement),
  };
  #toastEnds = 0;
  /** @type {import("./orders.js").Verdict | null} */
  #compared = null;

  /** @param {string} room */
  constructor(room) {
    this.#room = room;
    write(element("room", HTMLElement), room);
    this.showLink();
    this.#buttons.share.hidden = !Devices.canShare;
    this.#buttons.full.hidden = !document.fullscreenEnabled;
  }

  /** Show the link to send to the other one. */
  showLink() {
    element("link", HTMLInputElement).value = new URL(location.pathname, location.origin).href + passedOn(this.#room);
  }

  /** Let the person type the server's password. */
  showPassword() {
    element("password-label", HTMLLabelElement).hidden = false;
  }

  /**
   * Show how things are.
   * @param {Call | null} call
   * @param {Devices} devices
   */
  render(call, devices) {
    const talking = call !== null && call.phase !== "ended";
    this.page.dataset.view = talking ? "call" : "lobby";
    this.page.toggleAttribute("data-waiting", call?.phase === "waiting");
    this.page.toggleAttribute("data-reconnecting", call?.reconnecting === true);
    if (!talking) this.openPanel(false);
    this.#renderStatus(call, devices);
    this.#renderNear(devices, call?.phase === "ended");
    this.#renderFar(talking ? call : null);
    this.#renderComparison(call);
    this.#renderComplaints(devices);
    write(this.#buttons.join, call === null ? "Join" : "Join again");
    this.panel.ariaLabel = talking ? "Devices" : "Before the call";
    document.title = call?.phase === "connected" ? `${capital(call.peerWord)} · ${this.#room}` : `${this.#room} · pycall`;
  }

  /** Show how long the call has lasted, and how far the way is.
   * @param {Call | null} call */
  renderClock(call) {
    const on = call?.phase === "connected";
    const trip = on && call.roundTripMs !== null ? ` · ${Math.round(call.roundTripMs)} ms` : "";
    write(this.#clock, on ? clock(performance.now() - call.connectedAt) + trip : "");
    this.#clock.title = on ? `${capital(call.path?.kind ?? "direct")} connection, and its round trip` : "";
  }

  /**
   * Show a message over the pictures for a while; before the call there is room for it elsewhere.
   * @param {string} sentence
   */
  toast(sentence) {
    clearTimeout(this.#toastEnds);
    this.#toast.hidden = false;
    write(this.#toast, capital(sentence));
    this.#toastEnds = setTimeout(() => (this.#toast.hidden = true), TOAST_MS);
  }

  /** @param {boolean} open */
  openPanel(open) {
    this.panel.toggleAttribute("data-open", open);
    this.#buttons.settings.ariaExpanded = String(open);
  }

  get panelIsOpen() {
    return this.panel.hasAttribute("data-open");
  }

  /** The button says what full screen is now. */
  renderFull() {
    press(this.#buttons.full, document.fullscreenElement !== null);
  }

  /**
   * @param {Call | null} call
   * @param {Devices} devices
   */
  #renderStatus(call, devices) {
    const { state, sentence } = status(call, devices);
    if (this.#status.dataset.state !== state) this.#status.dataset.state = state;
    write(this.#status, sentence);
    element("interruption", HTMLElement).hidden = state !== "reconnecting";
    write(element("interruption-words", HTMLElement), state === "reconnecting" ? sentence : "");
    write(this.#recording, call?.theirs.recording ? `${capital(call.peerWord)} is recording` : "");
  }

  /**
   * @param {Devices} devices
   * @param {boolean} ended
   */
  #renderNear(devices, ended) {
    const { picture } = devices;
    play(this.local, picture ? [picture] : []);
    this.local.classList.toggle("mirrored", !devices.sharing && facesUs(picture));
    this.local.classList.toggle("whole", devices.sharing);
    element("own-figure", HTMLElement).hidden = !devices.dark;
    element("own-mute", SVGElement).toggleAttribute("hidden", !devices.silent);
    const why = ended ? "Camera and microphone are closed" : picture ? "Your camera is off" : "Without a picture of you";
    write(element("own-caption", HTMLElement), devices.opening ? "" : why);
    press(this.#buttons.mute, devices.muted);
    press(this.#buttons.camera, devices.cameraOff);
    press(this.#buttons.share, devices.sharing);
    this.#buttons.mute.title = devices.muted ? "Unmute (m)" : "Mute (m)";
    this.#buttons.camera.title = devices.cameraOff ? "Camera on (v)" : "Camera off (v)";
  }

  /** @param {Call | null} call */
  #renderFar(call) {
    const stream = call?.stream ?? null;
    if (this.remote.srcObject !== stream) this.remote.srcObject = stream;
    const seen = stream !== null && !call?.theirs.camera_off;
    element("figure", HTMLElement).hidden = seen;
    write(element("initials", HTMLElement), initials(call?.peer?.name ?? ""));
    write(element("caption", HTMLElement), call?.phase === "connected" ? theirPicture(call) : "");
    element("invite", HTMLElement).hidden = call?.phase !== "waiting";
    element("plate", HTMLElement).hidden = call?.phase !== "connected";
    write(element("their-name", HTMLElement), (call && capital(call.peerWord) + (call.theirs.muted ? " – muted" : "")) ?? "");
    element("their-mute", SVGElement).toggleAttribute("hidden", !call?.theirs.muted);
  }

  /** What is no matter of course is told without being asked.
   * @param {Call | null} call */
  #renderComparison(call) {
    const verdict = call?.phase === "connected" ? call.verdict : null;
    this.#comparison.hidden = verdict === null;
    if (!call || !verdict || verdict === this.#compared) return;
    this.#compared = verdict;
    const { state, title, advice } = comparison(call);
    this.#comparison.dataset.state = state;
    this.#comparison.open = state === "forged" || state === "changed";
    write(element("words", HTMLElement), title);
    write(element("comparison-advice", HTMLElement), advice);
  }

  /** @param {Devices} devices */
  #renderComplaints({ problems }) {
    const said = complaints(problems);
    const key = JSON.stringify(said);
    if (this.#complaints.dataset.said === key) return;
    this.#complaints.dataset.said = key;
    this.#complaints.replaceChildren(
      ...said.map(({ title, advice }) => {
        const [box, strong] = [document.createElement("div"), document.createElement("strong")];
        strong.textContent = title;
        box.append(strong, advice);
        return box;
      }),
    );
    if (said[0] && this.page.dataset.view === "call") this.toast(said[0].title);
  }
}

/**
 * Let a video element play these tracks; it goes on undisturbed where they are the same.
 * @param {HTMLVideoElement} video
 * @param {MediaStreamTrack[]} tracks
 */
function play(video, tracks) {
  const now = video.srcObject instanceof MediaStream ? video.srcObject.getTracks() : [];
  if (now.length === tracks.length && now.every((track, index) => track === tracks[index])) return;
  video.srcObject = tracks.length ? new MediaStream(tracks) : null;
}

/**
 * Whether a camera shows the person, who expects a mirror; one at a phone's back does not.
 * @param {MediaStreamTrack | null} track
 */
function facesUs(track) {
  return track !== null && track.getSettings().facingMode !== "environment";
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} pressed
 */
function press(button, pressed) {
  button.ariaPressed = String(pressed);
}
