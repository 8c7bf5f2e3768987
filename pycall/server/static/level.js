/** How loud a microphone is, for a meter. */

/** Quieter than this is nothing, in dB below full scale. */
const FLOOR_DB = -60;

/** Firefox lets a page measure only some moments after it gave the microphone, and does not say when. */
const ASK_AGAIN_MS = 250;

/** Measures one track at a time, once for every picture the screen shows. */
export class LevelMeter {
  #show;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #shown = 0;
  #frame = 0;

  /** @param {(level: number | null) => void} show takes 0 (silence) to 1, or null: nothing is measured */
  constructor(show) {
    this.#show = show;
    setInterval(() => this.wake(), ASK_AGAIN_MS);
  }

  /**
   * Measure this track from now on; none ends the measuring.
   * @param {MediaStreamTrack | null} track
   */
  follow(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#source?.disconnect();
    this.#source = null;
    cancelAnimationFrame(this.#frame);
    this.#shown = 0;
    this.#show(null);
    if (!track) {
      void this.#context?.suspend();
      return;
    }
    this.#context ??= new AudioContext();
    this.wake();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    this.#measure(analyser, new Float32Array(analyser.fftSize));
  }

  /** Begin to measure if the browser lets us by now; some wait until a person touches the page. */
  wake() {
    if (this.#track && this.#context?.state === "suspended") void this.#context.resume();
  }

  /**
   * @param {AnalyserNode} analyser
   * @param {Float32Array<ArrayBuffer>} samples
   */
  #measure(analyser, samples) {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const level = Math.max(0, 1 - (10 * Math.log10(power + 1e-12)) / FLOOR_DB);
    this.#shown = Math.max(level, this.#shown * 0.9); // up at once, down slowly
    this.#show(this.#context?.state === "running" ? Math.min(1, this.#shown) : null);
    this.#frame = requestAnimationFrame(() => this.#measure(analyser, samples));
  }
}
