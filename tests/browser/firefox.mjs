/**
 * Debian's Firefox, as it is, driven by WebDriver BiDi from another program.
 *
 * Each line on standard input calls a method of puppeteer's page: `["click", "#join"]`. The answer is
 * a line on standard output: `{"value": ...}` or `{"error": ...}`. When standard input ends, so does
 * Firefox, whatever it is doing.
 */

import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

/** Nobody is asked; the camera shows a colour that changes, the microphone hears one tone. */
const FAKE_DEVICES = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true };

/** Nothing is fetched from elsewhere, such as OpenH264: Debian's package comes without it. */
const AT_HOME = { "media.gmp-manager.url": "", "media.gmp-manager.updateEnabled": false };

/** @param {unknown} answer */
const print = (answer) => console.log(JSON.stringify(answer));

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.argv[2],
  headless: true,
  timeout: 60_000,
  protocolTimeout: 0, // the other program decides how long it waits for an answer
  extraPrefsFirefox: { ...FAKE_DEVICES, ...AT_HOME },
});
const page = await browser.newPage();

/** What the page complains of, and what it asks of the network. */
const [complaints, requests] = [[], new Set()];
page.on("console", (message) => {
  if (["error", "warn"].includes(message.type())) complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("request", (request) => requests.add(request.url()));

const lines = createInterface({ input: process.stdin });
lines.once("close", () => void browser.close());
for await (const line of lines) {
  const [method, ...args] = JSON.parse(line);
  try {
    if (method === "told") print({ value: { complaints, requests: [...requests] } });
    else {
      const value = await page[method](...args);
      print({ value: method === "evaluate" ? value : null });
    }
  } catch (error) {
    print({ error: String(error) });
  }
}
