/** A camera that films `film(number)`, a `VideoFrame`, `fps` times a second; what comes too late is left out. */
function pacedCamera(/** @type {(number: number) => VideoFrame} */ film, /** @type {number} */ fps) {
  const generator = new MediaStreamTrackGenerator({ kind: "video" }), writer = generator.writable.getWriter();
  const begun = performance.now();
  let number = 0;
  const next = () => {
    const frame = film(number);
    void writer.write(frame).catch(() => frame.close());
    const late = performance.now() - begun - (number * 1000) / fps;
    number += 1 + Math.floor(Math.max(0, late) / (1000 / fps));
    setTimeout(next, Math.max(0, begun + (number * 1000) / fps - performance.now()));
  };
  next();
  return generator;
}
