/** Notices that the network under the page may be another than before: sooner than silence tells. */

const LOOK_MS = 500;

/** A jump of the clocks beyond this is no delay of ours: the machine slept, or the browser was stopped. */
const SLEPT_MS = 5_000;

/**
 * Watch for as long as the page lives.
 * @param {() => void} changed the page is online again, goes by another kind of network, or woke from sleep
 */
export function watchNetwork(changed) {
  window.addEventListener("online", changed);
  /** @type {any} */ // not in every browser
  const { connection } = navigator;
  let type = connection?.type;
  connection?.addEventListener?.("change", () => {
    if (connection.type === type) return; // only its estimate of the speed is another
    type = connection.type;
    if (navigator.onLine) changed();
  });

  let [monotonic, wall] = [performance.now(), Date.now()];
  const look = () => {
    // The monotonic clock stands still during sleep or runs on, as the system has it.
    const passed = Math.max(performance.now() - monotonic, Date.now() - wall);
    [monotonic, wall] = [performance.now(), Date.now()];
    if (passed > SLEPT_MS) changed();
  };
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
}
