/** What is said to the person: every sentence that depends on what happens. */

import * as endings from "./endings.js";

/**
 * @typedef {import("./call.js").Call} Call
 * @typedef {import("./devices.js").Devices} Devices
 * @typedef {import("./devices.js").Problem} Problem
 */

const CROWDED = "The server takes no more connections from your network for now. Trying again…";
const NAMES = { audio: "microphone", video: "camera" };

/**
 * The state of things for `#status`, as one word for programs and a sentence for people.
 * @param {Call | null} call
 * @param {Devices} devices
 * @returns {{state: string, sentence: string}}
 */
export function status(call, devices) {
  if (!call) {
    return devices.opening
      ? { state: "preparing", sentence: "Waiting for camera and microphone…" }
      : { state: "ready", sentence: "Ready to join" };
  }
  if (call.phase === "ended") {
    return call.ending === "hangup"
      ? { state: "ended", sentence: "You left the call." }
      : { state: call.ending, sentence: call.problem };
  }
  if (!call.reachable && call.phase !== "connected") {
    return { state: "unreachable", sentence: call.crowded ? CROWDED : "The server is gone. Trying to reach it again…" };
  }
  switch (call.phase) {
    case "joining":
      return { state: "joining", sentence: "Joining…" };
    case "waiting":
      return { state: "waiting", sentence: "Waiting for somebody to join" };
    case "connecting":
      return { state: "connecting", sentence: `Connecting to ${call.peerWord}…` };
    default:
      return call.reconnecting
        ? { state: "reconnecting", sentence: `Reconnecting to ${call.peerWord}…` }
        : { state: "connected", sentence: `Connected to ${call.peerWord}` };
  }
}

/**
 * What is wrong with the devices and what to do about it; empty if nothing is.
 * @param {Devices["problems"]} problems
 * @returns {{title: string, advice: string}[]}
 */
export function complaints({ audio, video }) {
  if (audio !== null && audio === video) return [complaint(audio, "camera and microphone")];
  return /** @type {const} */ (["video", "audio"]).flatMap((kind) => {
    const problem = kind === "audio" ? audio : video;
    return problem === null ? [] : [complaint(problem, NAMES[kind])];
  });
}

/**
 * @param {Problem} problem
 * @param {string} what
 */
function complaint(problem, what) {
  const be = what.includes(" and ") ? "are" : "is";
  const without = "You can join without, to see and hear only.";
  switch (problem) {
    case "insecure":
      return {
        title: "This page is not secure, so the browser gives it no camera and microphone.",
        advice:
          "It came over plain http from another machine. Whoever runs the server can start it with " +
          "“pycall serve --tls” and send the https link; on the server's own machine, http://localhost " +
          `works as well. ${without}`,
      };
    case "denied":
      return {
        title: `The browser was not allowed to use the ${what}.`,
        advice: `Allow it by the symbol beside the page's address, then reload the page. ${without}`,
      };
    case "none":
      return {
        title: `There ${be} no ${what} here.`,
        advice: `Plug one in, and it is used at once. ${without}`,
      };
    case "busy":
      return {
        title: `The ${what} ${be} busy: another program has it open.`,
        advice: `Close the other program, or choose another device. ${without}`,
      };
    case "gone":
      return { title: `The ${what} ${be} gone.`, advice: "Plug it in again, or choose another device." };
    case "failed":
      return { title: `The ${what} could not be opened.`, advice: `Choose another device. ${without}` };
  }
}

/**
 * The words to compare, and what to do with them.
 * @param {Call} call
 * @returns {{state: "none" | "forged" | "changed" | "known", title: string, advice: string}}
 */
export function comparison({ verdict, peerWord }) {
  if (verdict?.order !== "tell words") {
    const forged = verdict?.forged === true;
    return forged
      ? { state: "forged", title: "Do not trust this call", advice: endings.FORGED }
      : { state: "none", title: "No words to compare", advice: endings.NO_WORDS };
  }
  const advice = `Compare these words with ${peerWord} by voice: if ${peerWord} has others, somebody sits between you.`;
  return verdict.changed
    ? { state: "changed", title: verdict.words.join(" "), advice: `${capital(endings.otherKey(peerWord))} ${advice}` }
    : { state: "known", title: verdict.words.join(" "), advice };
}

/**
 * What the other one does, for the line under the picture.
 * @param {Call} call
 */
export function theirPicture(call) {
  return call.theirs.camera_off ? `${capital(call.peerWord)} has the camera off` : "";
}

/**
 * One or two letters that stand for a name.
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(" ").filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return chosen.map((word) => [...(word ?? "")][0]?.toLocaleUpperCase() ?? "").join("");
}

/**
 * A duration as people write it.
 * @param {number} ms
 */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** @param {string} text */
export function capital(text) {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
