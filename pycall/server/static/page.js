/** The call page: what the person does becomes orders to the devices and the call. */

import { Call } from "./call.js";
import { Choices } from "./choices.js";
import { asksForPassword, inviteTo, keepPassword, keptPassword, takeInvite } from "./credentials.js";
import { Devices } from "./devices.js";
import { element } from "./elements.js";
import { LevelMeter } from "./level.js";
import { recall, remember } from "./memory.js";
import { cleanDisplayName, roomOfPath } from "./names.js";
import { watchNetwork } from "./network.js";
import { View } from "./view.js";

/** In full screen the controls go after this time without a movement. */
const IDLE_MS = 3500;

const room = roomOfPath(location.pathname);
takeInvite(room);
const view = new View(room);
const devices = new Devices(devicesChanged);
const choices = new Choices(devices, view.remote);
const level = new LevelMeter(showLevel);
const nameField = element("name", HTMLInputElement);
const passwordField = element("password", HTMLInputElement);

/** @type {Call | null} */
let call = null;
/** @type {WakeLockSentinel | null} */
let awake = null;
let idle = 0;

const actions = {
  /** Mute and unmute. */
  m: () => devices.mute(!devices.muted),
  /** Camera off and on. */
  v: () => devices.turnCameraOff(!devices.cameraOff),
  /** Share the screen, and no longer. */
  s: () => {
    if (!inCall() || !Devices.canShare) return;
    if (devices.sharing) devices.stopSharing();
    else void devices.share();
  },
  /** Full screen, and back. */
  f: () => {
    if (!inCall() || !document.fullscreenEnabled) return;
    if (document.fullscreenElement) void document.exitFullscreen();
    else void view.page.requestFullscreen();
  },
  /** Hang up. */
  q: () => call?.hangUp(),
};

function inCall() {
  return call !== null && call.phase !== "ended";
}

function join() {
  if (inCall()) return;
  const name = cleanDisplayName(nameField.value);
  remember("name", name);
  keepPassword(passwordField.value);
  if (!devices.microphone && !devices.picture && !devices.opening) void devices.open(); // they were let go
  const outgoing = { audio: devices.microphone, video: devices.picture };
  const credentials = { password: passwordField.value, invite: inviteTo(room) };
  call = new Call(location.origin, room, name, credentials, outgoing, { changed: callChanged, noticed });
  devicesChanged();
  void stayAwake();
  element("mute", HTMLButtonElement).focus({ preventScroll: true });
}

function callChanged() {
  if (!call) return; // its first words come while it is made
  view.render(call, devices);
  if (call.stream && view.remote.paused) void view.remote.play().catch(askToPlay);
  if (call.phase === "ended") afterwards();
}

/** A server that wants a password says so when one joins without. */
function askForPassword() {
  if (!asksForPassword(call?.refusal)) return;
  view.showPassword();
  passwordField.focus({ preventScroll: true });
  passwordField.select();
}

/** The call is over: let go of everything. */
function afterwards() {
  void awake?.release();
  awake = null;
  if (document.fullscreenElement) void document.exitFullscreen();
  if (devices.microphone || devices.picture || devices.opening) {
    devices.close();
    element("join", HTMLButtonElement).focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  askForPassword();
}

function devicesChanged() {
  call?.peers.send("audio", devices.microphone);
  call?.peers.send("video", devices.picture);
  call?.peers.tell(devices.silent, devices.dark);
  level.follow(devices.muted ? null : devices.microphone);
  view.render(call, devices);
  void choices.update();
}

/** @param {number | null} value */
function showLevel(value) {
  const bar = element("level", HTMLElement);
  bar.hidden = value === null;
  bar.style.setProperty("--level", String(value ?? 0));
}

/** @param {string} sentence */
function noticed(sentence) {
  view.toast(sentence);
}

/** @param {DOMException} refusal */
function askToPlay(refusal) {
  if (refusal.name !== "NotAllowedError") return; // the call ended meanwhile
  noticed("The browser waits for a touch or a key before it plays sound.");
  const play = () => void view.remote.play().catch(() => {});
  for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, play, { once: true });
}

/** A phone's screen stays on during a call, where the browser lets it. */
async function stayAwake() {
  if (!inCall() || document.visibilityState !== "visible") return;
  awake = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.key === "Escape" && view.panelIsOpen) {
    view.openPanel(false);
    element("settings", HTMLButtonElement).focus();
    return;
  }
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (Object.hasOwn(actions, key)) actions[/** @type {keyof typeof actions} */ (key)]();
}

async function copyLink() {
  const link = element("link", HTMLInputElement);
  link.select();
  try {
    await navigator.clipboard.writeText(link.value); // on secure pages only
  } catch {
    document.execCommand("copy");
  }
  noticed("The link is copied.");
}

function moved() {
  view.stage.classList.remove("idle");
  clearTimeout(idle);
  idle = setTimeout(() => view.stage.classList.add("idle"), IDLE_MS);
}

/**
 * @param {string} id
 * @param {() => void} action
 */
function onClick(id, action) {
  element(id, HTMLButtonElement).addEventListener("click", action);
}

onClick("mute", actions.m);
onClick("camera", actions.v);
onClick("share", actions.s);
onClick("full", actions.f);
onClick("hangup", actions.q);
onClick("settings", () => view.openPanel(!view.panelIsOpen));
view.remote.parentElement?.addEventListener("click", () => view.openPanel(false));
onClick("copy", () => void copyLink());
element("form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
document.addEventListener("keydown", pressed);
for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, () => level.wake());
for (const event of ["pointermove", "pointerdown", "keydown"]) document.addEventListener(event, moved);
document.addEventListener("fullscreenchange", () => view.renderFull());
document.addEventListener("visibilitychange", () => void stayAwake());
window.addEventListener("pagehide", () => call?.hangUp());
setInterval(() => view.renderClock(call), 500);
window.addEventListener("hashchange", () => {
  takeInvite(room); // another link was pasted over this one
  view.showLink();
});
watchNetwork(() => call?.networkChanged());

nameField.value = cleanDisplayName(new URLSearchParams(location.search).get("name")) || recall("name");
passwordField.value = keptPassword();
if (passwordField.value) view.showPassword();
view.render(call, devices);
void devices.open();
