/** The lists of microphones, cameras and speakers to choose from. */

import { element } from "./elements.js";
import { recall, remember } from "./memory.js";

const LISTS = /** @type {const} */ (["microphones", "cameras", "speakers"]);

const ONE = { microphones: "Microphone", cameras: "Camera", speakers: "Speaker" };

export class Choices {
  #devices;
  #loudspeaker;
  #lists = {
    microphones: element("microphones", HTMLSelectElement),
    cameras: element("cameras", HTMLSelectElement),
    speakers: element("speakers", HTMLSelectElement),
  };

  /**
   * @param {import("./devices.js").Devices} devices
   * @param {HTMLVideoElement} loudspeaker what the other one is heard by
   */
  constructor(devices, loudspeaker) {
    this.#devices = devices;
    this.#loudspeaker = loudspeaker;
    this.#lists.microphones.addEventListener("change", (event) => void devices.choose("audio", chosen(event)));
    this.#lists.cameras.addEventListener("change", (event) => void devices.choose("video", chosen(event)));
    this.#lists.speakers.addEventListener("change", (event) => {
      remember("speaker", chosen(event));
      void this.#speak();
    });
  }

  /** Show what there is now; a list with nothing to choose from is left out. */
  async update() {
    const there = await this.#devices.list();
    const used = {
      microphones: this.#devices.idOf("audio"),
      cameras: this.#devices.idOf("video"),
      speakers: recall("speaker"),
    };
    for (const name of LISTS) {
      const list = this.#lists[name];
      const options = there[name].map(({ deviceId, label }, index) => {
        return new Option(label || `${ONE[name]} ${index + 1}`, deviceId, false, deviceId === used[name]);
      });
      if (list.labels[0]) list.labels[0].hidden = options.length === 0;
      if (!same(options, [...list.options])) list.replaceChildren(...options);
    }
    await this.#speak();
  }

  /** Let the other one be heard by the chosen speaker, where the browser can and it is still there. */
  async #speak() {
    const id = this.#lists.speakers.value;
    if (!id || this.#loudspeaker.sinkId === id) return;
    await this.#loudspeaker.setSinkId(id).catch((error) => console.warn(error));
  }
}

/** @param {Event} event */
function chosen(event) {
  return event.target instanceof HTMLSelectElement ? event.target.value : "";
}

/**
 * @param {HTMLOptionElement[]} some
 * @param {HTMLOptionElement[]} others
 */
function same(some, others) {
  /** @param {HTMLOptionElement[]} options */
  const key = (options) => JSON.stringify(options.map(({ value, text, selected }) => [value, text, selected]));
  return key(some) === key(others);
}
