/**
 * What is added to the call page to measure it, before its own scripts run: a camera that films a picture
 * like pycall's test card, with the same strip of cells that says when it was made, and a look at what comes.
 * `MORE` is defined before it: the ICE servers to be asked besides those of the page.
 */

const WIDTH = 640, HEIGHT = 480, FPS = 30, UNIT = HEIGHT / 30, COLUMNS = 40;
const STRIP = { top: 28 * UNIT, height: 2 * UNIT };
const LOOK_EVERY = 5;

const BARS = ["bfbfbf", "bfbf00", "00bfbf", "00bf00", "bf00bf", "bf0000", "0000bf", "000000"];

/** CRC-16/IBM-3740 of bits, as pycall/media/testsignals/strip.py has it. */
function checksum(/** @type {number[]} */ bits) {
  return bits.reduce((crc, bit) => ((crc << 1) ^ ((crc >> 15) ^ bit ? 0x1021 : 0)) & 0xffff, 0xffff);
}

const digits = (value, count) => [...value.toString(2).padStart(count, "0")].map(Number);
const value = (bits) => parseInt(bits.join(""), 2);

/** Unix time of a moment of `performance.now()`, in ms; the time origin alone is off after clock changes. */
let toWall = Date.now() + 0.5 - performance.now();

/** The moving picture; returns a function that paints it. */
function card() {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const still = new OffscreenCanvas(WIDTH, HEIGHT), back = still.getContext("2d");
  BARS.forEach((colour, bar) => {
    back.fillStyle = `#${colour}`;
    back.fillRect((bar * WIDTH) / 8, 0, WIDTH / 8, 17 * UNIT);
  });
  back.strokeStyle = "white";
  back.lineWidth = UNIT / 4;
  back.arc(WIDTH / 2, 8.5 * UNIT, 7.8 * UNIT, 0, 7);
  back.stroke();
  back.fillStyle = "#0e0e0e";
  back.fillRect(0, 20 * UNIT, WIDTH, 10 * UNIT);
  const wave = new OffscreenCanvas(WIDTH, 3 * UNIT), waving = wave.getContext("2d");
  for (let x = 0; x < WIDTH; x += 1) {
    const level = 128 + 105 * Math.sin(2 * Math.PI * (4 * (x / WIDTH) + 12 * (x / WIDTH) ** 2));
    waving.fillStyle = `rgb(${level} ${level} ${level})`;
    waving.fillRect(x, 0, 1, 3 * UNIT);
  }
  context.font = `bold ${4 * UNIT}px monospace`;
  context.textAlign = "center";
  context.textBaseline = "top";
  return (number) => {
    const now = Date.now(), turn = (now % 4000) / 4000, phase = 2 * Math.PI * turn;
    context.drawImage(still, 0, 0);
    for (const x of [0, WIDTH]) context.drawImage(wave, x - turn * WIDTH, 17 * UNIT);
    context.fillStyle = "white";
    context.fillText(new Date(now).toISOString().slice(11, 23), WIDTH / 2, 21 * UNIT);
    context.beginPath();
    const [roomX, roomY] = [WIDTH - 3 * UNIT, 14 * UNIT];
    const [x, y] = [(roomX * (1 - Math.cos(phase))) / 2, (roomY * (2 + Math.sin(2 * phase))) / 4];
    context.arc(x + 1.5 * UNIT, y + 1.5 * UNIT, 1.5 * UNIT, 0, 7);
    context.fill();
    const bits = [...digits(number % 2 ** 22, 22), ...digits(now % 2 ** 42, 42)];
    [...bits, ...digits(checksum(bits), 16)].forEach((bit, cell) => {
      context.fillStyle = bit ? "white" : "black";
      const column = cell % COLUMNS, row = Math.floor(cell / COLUMNS);
      context.fillRect((column * WIDTH) / COLUMNS, STRIP.top + row * UNIT, WIDTH / COLUMNS, UNIT);
    });
    return canvas;
  };
}

/** The card as a track, which needs no capturing of a canvas. */
function camera() {
  const paint = card();
  const timestamp = () => Math.round(performance.now() * 1000);
  return pacedCamera((number) => new VideoFrame(paint(number), { timestamp: timestamp() }), FPS);
}

const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
  const stream = audio ? await open({ audio }) : new MediaStream();
  if (video) stream.addTrack(camera());
  return stream;
};

const connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(how = {}) {
    super({ ...how, iceServers: [...(how.iceServers ?? []), ...MORE] });
    connections.push(this);
  }
};

/** When the server last said that the two are together. */
let paired = NaN;
window.WebSocket = class extends WebSocket {
  constructor(...how) {
    super(...how);
    this.addEventListener("message", ({ data }) => {
      if (typeof data === "string" && /^42\["(other_)?joined"/.test(data)) paired = performance.now();
    });
  }
};

const looking = new OffscreenCanvas(COLUMNS * 5, 10).getContext("2d", { willReadFrequently: true });

/** The clock in the strip of what a video shows, in ms of Unix time; `null` if it is damaged. */
function timeIn(/** @type {HTMLVideoElement} */ video) {
  const { videoWidth: width, videoHeight: height } = video;
  looking.drawImage(video, 0, (height * 14) / 15, width, height / 15, 0, 0, COLUMNS * 5, 10);
  const { data } = looking.getImageData(0, 0, COLUMNS * 5, 10);
  const bits = Array.from({ length: 2 * COLUMNS }, (_, cell) => {
    const x = (cell % COLUMNS) * 5 + 2, y = Math.floor(cell / COLUMNS) * 5 + 2;
    return data[4 * (y * COLUMNS * 5 + x) + 1] > 128 ? 1 : 0;
  });
  return checksum(bits.slice(0, 64)) === value(bits.slice(64)) ? value(bits.slice(22, 64)) : null;
}

const shown = { frames: 0, latencies: [], counting: false, first: NaN, size: "" };
let started;
const seen = new Promise((done) => { started = done; });

function watch(/** @type {HTMLVideoElement} */ video) {
  video.requestVideoFrameCallback((now, about) => {
    watch(video);
    if (isNaN(shown.first)) {
      shown.first = about.presentationTime;
      started();
    }
    shown.frames += 1;
    shown.size = `${about.width}x${about.height}`;
    if (!shown.counting || shown.frames % LOOK_EVERY) return;
    const made = timeIn(video);
    if (made !== null) shown.latencies.push(about.presentationTime + toWall - made);
  });
}
addEventListener("DOMContentLoaded", () => {
  const video = document.querySelector("video#remote");
  if (video instanceof HTMLVideoElement) watch(video);
});

async function flowed() {
  const stats = [...(await connections.at(-1).getStats()).values()];
  const incoming = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
  return { at: performance.now(), bytes: incoming.bytesReceived, decoded: incoming.framesDecoded };
}

let from;
window.benchmark = {
  /** Seconds from the server's word that the two are together to the first picture. */
  async first() {
    await seen;
    return (shown.first - paired) / 1000;
  },
  /** Resolves when the window begins, so long after the first picture. */
  async begin(/** @type {number} */ warmUpMs) {
    await seen;
    await new Promise((done) => setTimeout(done, shown.first + warmUpMs - performance.now()));
    toWall = Date.now() + 0.5 - performance.now();
    from = await flowed();
    shown.counting = true;
  },
  /** Ends the window and gives its figures. */
  async report() {
    shown.counting = false;
    const to = await flowed(), seconds = (to.at - from.at) / 1000;
    const sorted = shown.latencies.toSorted((one, other) => one - other);
    return {
      first_frame_s: (shown.first - paired) / 1000,
      fps: (to.decoded - from.decoded) / seconds,
      latency_p50_ms: sorted[Math.floor(sorted.length / 2)] ?? NaN,
      latency_p95_ms: sorted[Math.floor(sorted.length * 0.95)] ?? NaN,
      looks: sorted.length,
      received_kbps: ((to.bytes - from.bytes) * 8) / 1000 / seconds,
      size: shown.size,
    };
  },
};
