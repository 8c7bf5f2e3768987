/**
 * What is added to the call page in a bad network, before its own scripts run: the scene for a camera, the
 * text for a microphone, and a look at every picture and sound that comes. Before it are defined `MORE` (ICE
 * servers to be asked besides those of the page) and `SCENE`: width, height, fps, step_x, step_y, texture and
 * speech (base64), hold (whether the size is to be kept), look_ms (how often the sound's figures are read).
 */

const { width: WIDTH, height: HEIGHT, fps: FPS } = SCENE;
const COLUMNS = 40, NUMBER_BITS = 22, TIME_BITS = 42, BLACK = 16, WHITE = 235, CONTRAST = 40;
const PROBES = [0.3, 0.5, 0.7];
const COMPARE_EVERY = 10, FIRST_MS = 15_000, RATE = 48_000;

const bytes = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const TEXTURE = bytes(SCENE.texture), SPEECH = new Int16Array(bytes(SCENE.speech).buffer);

/** CRC-16/IBM-3740 of bits, as pycall/media/testsignals/strip.py has it. */
function checksum(/** @type {number[]} */ bits) {
  return bits.reduce((crc, bit) => ((crc << 1) ^ ((crc >> 15) ^ bit ? 0x1021 : 0)) & 0xffff, 0xffff);
}

const digits = (number, count) => [...number.toString(2).padStart(count, "0")].map(Number);
const value = (bits) => parseInt(bits.join(""), 2);

/** Unix time of a moment of `performance.now()`, in ms; the time origin alone is off after clock changes. */
let toWall = Date.now() + 0.5 - performance.now();
const wall = () => performance.now() + toWall;

/** Row `y` of picture `number` without its strip, into `target`. */
function texture(number, y, target) {
  const from = ((y + number * SCENE.step_y) % HEIGHT) * WIDTH, x = (number * SCENE.step_x) % WIDTH;
  target.set(TEXTURE.subarray(from + x, from + WIDTH));
  target.set(TEXTURE.subarray(from, from + x), WIDTH - x);
}

const EDGES = [28, 29, 30].map((unit) => Math.round((HEIGHT * unit) / 30));

/** Picture `number` in the planes of I420, which it fills anew. */
function paint(/** @type {Uint8Array} */ planes, number) {
  const row = (y) => planes.subarray(y * WIDTH, (y + 1) * WIDTH);
  for (let y = 0; y < EDGES[0]; y += 1) texture(number, y, row(y));
  const bits = [...digits(number % 2 ** NUMBER_BITS, NUMBER_BITS), ...digits(Date.now() % 2 ** TIME_BITS, TIME_BITS)];
  const cells = [...bits, ...digits(checksum(bits), 16)];
  for (const line of [0, 1]) {
    const [top, bottom] = [EDGES[line], EDGES[line + 1]], first = row(top);
    for (let x = 0; x < WIDTH; x += 1) {
      first[x] = cells[line * COLUMNS + Math.floor((x * COLUMNS) / WIDTH)] ? WHITE : BLACK;
    }
    for (let y = top + 1; y < bottom; y += 1) planes.copyWithin(y * WIDTH, top * WIDTH, (top + 1) * WIDTH);
  }
}

function camera() {
  const planes = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
  const colorSpace = { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false };
  const film = (number) => {
    paint(planes, number);
    const timestamp = Math.round(performance.now() * 1000);
    return new VideoFrame(planes, { format: "I420", codedWidth: WIDTH, codedHeight: HEIGHT, timestamp, colorSpace });
  };
  return pacedCamera(film, FPS);
}

/** The text, over and over; `spokenAt` is when its first sample left, in seconds of Unix time. */
const microphone = {
  context: /** @type {AudioContext | null} */ (null),
  at: 0,
  /** Unix time minus the context's, in s, at each look. */
  looks: /** @type {number[]} */ ([]),
  open() {
    const context = (this.context = new AudioContext({ sampleRate: RATE }));
    const buffer = context.createBuffer(1, SPEECH.length, RATE);
    buffer.copyToChannel(Float32Array.from(SPEECH, (sample) => sample / 32768), 0);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    source.connect(out);
    this.at = context.currentTime + 0.1;
    source.start(this.at);
    return out.stream.getAudioTracks()[0];
  },
  look() {
    if (this.context) this.looks.push(wall() / 1000 - this.context.currentTime);
  },
  /** The context's time goes on in steps, so that the least is right; but it may have stood still now and then. */
  get spokenAt() {
    return this.at + this.looks.toSorted((one, other) => one - other)[Math.floor(this.looks.length / 10)];
  },
};

navigator.mediaDevices.getUserMedia = async ({ audio, video }) =>
  new MediaStream([...(audio ? [microphone.open()] : []), ...(video ? [camera()] : [])]);

const connections = [];
let called = NaN;
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(how = {}) {
    super({ ...how, iceServers: [...(how.iceServers ?? []), ...MORE] });
    connections.push(this);
    if (isNaN(called)) called = performance.now();
    this.addEventListener("track", ({ track }) => {
      if (track.kind === "audio") void listen(track);
    });
  }
};

/** What was noted since the window began. */
let noted;
const forget = () => {
  noted = { shown: [], sizes: {}, psnr: [], heard: [], pieces: [], recorded_at: Infinity, samples: 0, skipped: 0 };
};
forget();

/** Record what is played of a track. */
async function listen(/** @type {MediaStreamTrack} */ track) {
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 100 }).readable.getReader();
  for (;;) {
    const { done, value: data } = await reader.read();
    if (done) return;
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    data.close();
    noted.recorded_at = Math.min(noted.recorded_at, wall() / 1000 - noted.samples / RATE);
    noted.samples += samples.length;
    noted.pieces.push(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767));
  }
}

/** The number and the time in ms that stand in the strip of a picture; `null` if it is damaged. */
async function stripOf(/** @type {VideoFrame} */ frame) {
  const { width, height } = frame.visibleRect, top = 2 * Math.floor((height * 14) / 30);
  const rect = { x: 0, y: top, width: width & ~1, height: (height - top) & ~1 };
  const planes = new Uint8Array(frame.allocationSize({ rect }));
  const [{ offset, stride }] = await frame.copyTo(planes, { rect });
  const levels = Array.from({ length: 2 * COLUMNS }, (_, cell) => {
    let sum = 0;
    for (const down of PROBES) {
      const y = Math.floor((height * (28 + Math.floor(cell / COLUMNS) + down)) / 30) - top;
      for (const across of PROBES) {
        sum += planes[offset + y * stride + Math.floor((width * ((cell % COLUMNS) + across)) / COLUMNS)];
      }
    }
    return sum / PROBES.length ** 2;
  });
  const darkest = Math.min(...levels), brightest = Math.max(...levels);
  if (brightest - darkest < CONTRAST) return null;
  const bits = levels.map((level) => (level > (darkest + brightest) / 2 ? 1 : 0));
  if (checksum(bits.slice(0, 64)) !== value(bits.slice(64))) return null;
  return { number: value(bits.slice(0, NUMBER_BITS)), made: value(bits.slice(NUMBER_BITS, 64)) };
}

/** For each wanted pixel the one before it, and how far it is on the way to the next. */
function places(count, wanted) {
  return Array.from({ length: wanted }, (_, index) => {
    const at = Math.max(0, Math.min(count - 1, ((index + 0.5) * count) / wanted - 0.5));
    const before = Math.min(Math.floor(at), count - 2);
    return [before, at - before];
  });
}

/** PSNR in dB of a picture against the one that was sent, without its strip; as scene.py has it. */
async function psnr(/** @type {VideoFrame} */ frame, number) {
  const { width, height } = frame.visibleRect, planes = new Uint8Array(frame.allocationSize());
  const [{ offset, stride }] = await frame.copyTo(planes);
  const columns = places(width, WIDTH), rows = places(height, HEIGHT), sent = new Uint8Array(WIDTH);
  const same = width === WIDTH && height === HEIGHT, end = Math.floor((HEIGHT * 14) / 15);
  let sum = 0;
  for (let y = 0; y < end; y += 1) {
    texture(number, y, sent);
    const [row, down] = rows[y], above = offset + row * stride, below = above + stride;
    for (let x = 0; x < WIDTH; x += 1) {
      let level = planes[offset + y * stride + x];
      if (!same) {
        const [left, across] = columns[x];
        const upper = planes[above + left] * (1 - across) + planes[above + left + 1] * across;
        const lower = planes[below + left] * (1 - across) + planes[below + left + 1] * across;
        level = upper * (1 - down) + lower * down;
      }
      sum += (level - sent[x]) ** 2;
    }
  }
  return Math.min(60, 10 * Math.log10((255 ** 2 * WIDTH * end) / sum));
}

let last = -1, looked = 0, showing;
const first = new Promise((done) => { showing = done; });

/** Note a picture; the callback may run when the next is there already, then nothing can be read of this one. */
async function look(/** @type {HTMLVideoElement} */ video, at, mediaTime) {
  const frame = new VideoFrame(video), into = noted;
  try {
    const strip = Math.abs(frame.timestamp / 1e6 - mediaTime) < 0.001 ? await stripOf(frame) : null;
    if (strip !== null && strip.number === last) {
      into.skipped += 1;
      return;
    }
    last = strip?.number ?? last;
    showing(performance.now());
    into.shown.push([at / 1000, strip && at - strip.made]);
    const size = `${frame.visibleRect.width}x${frame.visibleRect.height}`;
    into.sizes[size] = (into.sizes[size] ?? 0) + 1;
    if (strip !== null && (looked += 1) % COMPARE_EVERY === 0) into.psnr.push(await psnr(frame, strip.number));
  } finally {
    frame.close();
  }
}

function watch(/** @type {HTMLVideoElement} */ video) {
  video.requestVideoFrameCallback((_now, about) => {
    watch(video);
    void look(video, about.presentationTime + toWall, about.mediaTime);
  });
}
addEventListener("DOMContentLoaded", () => {
  const video = document.querySelector("video#remote");
  if (video instanceof HTMLVideoElement) watch(video);
});

/** What came in over each connection, by the last look at it: after a cut there may be a new one. */
const incoming = new Map();

/** What came in over all of them; `limited_by` is what keeps the picture that is sent from being better. */
async function lookAtStats() {
  for (const connection of connections.filter(({ connectionState }) => connectionState !== "closed")) {
    const stats = [...(await connection.getStats()).values()];
    const about = (type, kind) => stats.find((each) => each.type === type && (!kind || each.kind === kind));
    const sound = about("inbound-rtp", "audio");
    incoming.set(connection, {
      octets: about("transport")?.bytesReceived ?? 0,
      concealed: sound?.concealedSamples ?? 0,
      total: sound?.totalSamplesReceived ?? 0,
      limited_by: about("outbound-rtp", "video")?.qualityLimitationReason,
    });
  }
  const all = [...incoming.values()], sum = (name) => all.reduce((before, each) => before + each[name], 0);
  noted.heard.push([wall() / 1000, sum("concealed"), sum("total")]);
  return { octets: sum("octets"), limited_by: all.findLast((each) => each.limited_by)?.limited_by };
}

async function hold() {
  for (const sender of connections.at(-1).getSenders().filter(({ track }) => track?.kind === "video")) {
    await sender.setParameters({ ...sender.getParameters(), degradationPreference: "maintain-resolution" });
  }
}

function base64(/** @type {Int16Array[]} */ pieces) {
  let text = "";
  for (const piece of pieces) text += String.fromCharCode(...new Uint8Array(piece.buffer));
  return btoa(text);
}

setInterval(() => void lookAtStats(), SCENE.look_ms);

let from, timing, over;
window.benchmark = {
  /** Wait for the first picture; seconds to it from the beginning, `null` if none comes in time. */
  async first() {
    const left = called + FIRST_MS - performance.now();
    const seen = await Promise.race([first, new Promise((done) => setTimeout(done, left, null))]);
    if (SCENE.hold) await hold();
    return { first_frame_s: seen === null ? null : (seen - called) / 1000 };
  },
  /** The window begins. */
  async begin() {
    toWall = Date.now() + 0.5 - performance.now();
    microphone.looks.length = 0;
    timing = setInterval(() => microphone.look(), 47);
    forget();
    from = { at: performance.now(), octets: (await lookAtStats()).octets };
  },
  /** It ends. */
  async end() {
    clearInterval(timing);
    over = { ...(await lookAtStats()), at: performance.now(), noted };
    forget();
  },
  /** What was noted in it. */
  report() {
    const { octets, limited_by } = over, seconds = (over.at - from.at) / 1000;
    const { pieces, samples, sizes, ...figures } = over.noted;
    return {
      ...figures,
      sizes: Object.entries(sizes).toSorted((one, other) => other[1] - one[1]),
      recording: samples ? base64(pieces) : null,
      spoken_at: microphone.spokenAt,
      limited_by,
      received_kbps: ((octets - from.octets) * 8) / 1000 / seconds,
    };
  },
};
