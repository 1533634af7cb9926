// Opens a page of ours in Chromium, hands files to its inputs and prints what the page says, as JSON.
//
//     node browser.mjs <url> [--width <pixels>] [--screenshot <file>] [--into <element>] [--submit <form>] [<input>=<file> …]
//
// Elements are named by their ids. `result` is what stands in <element>, after the form was sent if one is
// named; `foreign` are lines in another language, `overflow` pixels beyond the width, `messages` are errors of the console and broken rules of the page
// (Content-Security-Policy); `requests` are all that the browser asked for, as method and address. The host
// insecure.example is this machine, to a browser like any other: without HTTPS it gets no WebCrypto.
// The browser is spoken to over a pipe (DevTools protocol), so nothing but Debian's package is needed.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [url, ...rest] = process.argv.slice(2), options = {}, files = {};
for (let at = 0; at < rest.length; at++) {
  const [name, file] = rest[at].split("=");
  if (name.startsWith("--")) options[name.slice(2)] = rest[++at];
  else files[name] = resolve(file);
}

const profile = await mkdtemp(join(tmpdir(), "browser-"));
const browser = spawn(process.env.CHROMIUM ?? "chromium", [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--host-resolver-rules=MAP insecure.example 127.0.0.1", "--remote-debugging-pipe",
  `--user-data-dir=${profile}`,
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const ended = new Promise((done) => browser.once("exit", done));
browser.once("error", (why) => { console.error(`no browser: ${why.message}`); process.exit(1); });

// ---- The protocol: JSON messages, each ended by a zero byte ---------------------------------------------

const [, , , toBrowser, fromBrowser] = browser.stdio;
const waiting = new Map(), listeners = new Map();
let number = 0, received = Buffer.alloc(0), session;
fromBrowser.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  for (let end; (end = received.indexOf(0)) >= 0; received = received.subarray(end + 1)) {
    const message = JSON.parse(received.subarray(0, end).toString());
    if (!message.id) listeners.get(message.method)?.(message.params);
    else if (message.error) waiting.get(message.id).reject(new Error(message.error.message));
    else waiting.get(message.id).done(message.result);
  }
});
const call = (method, params = {}) => new Promise((done, reject) => {
  waiting.set(++number, { done, reject });
  toBrowser.write(JSON.stringify({ id: number, method, params, sessionId: session }) + "\0");
});
const evaluate = async (expression) => {
  const { result, exceptionDetails } = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
};

// ---- What is done on the page ----------------------------------------------------------------------------

const said = { messages: [], requests: [] };
try {
  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  ({ sessionId: session } = await call("Target.attachToTarget", { targetId, flatten: true }));
  listeners.set("Log.entryAdded", ({ entry }) => said.messages.push(entry.text));
  listeners.set("Runtime.exceptionThrown", ({ exceptionDetails }) => said.messages.push(exceptionDetails.text));
  listeners.set("Network.requestWillBeSent", ({ request }) => said.requests.push(`${request.method} ${request.url}`));
  const loaded = new Promise((done) => listeners.set("Page.loadEventFired", done));
  for (const domain of ["Page", "DOM", "Log", "Runtime", "Network"]) await call(`${domain}.enable`);
  const width = Number(options.width ?? 1000);
  await call("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: false });
  await call("Page.navigate", { url });
  await loaded;
  // Modules have run when the page is loaded.
  const { root } = await call("DOM.getDocument");
  for (const [input, file] of Object.entries(files)) {
    const { nodeId } = await call("DOM.querySelector", { nodeId: root.nodeId, selector: `#${input}` });
    await call("DOM.setFileInputFiles", { nodeId, files: [file] });
  }
  if (options.into) said.result = await evaluate(`document.getElementById(${JSON.stringify(options.into)}).innerText`);
  if (options.submit) {
    said.result = await evaluate(`new Promise((done) => {
      const place = document.getElementById(${JSON.stringify(options.into)});
      // What is said while it works is one text; the answer has elements.
      new MutationObserver(() => { if (place.firstElementChild) done(place.innerText); }).observe(place, { childList: true });
      document.getElementById(${JSON.stringify(options.submit)}).requestSubmit();
    })`);
  }
  said.foreign = await evaluate("[...document.querySelectorAll('li[lang]')].map((line) => line.textContent)");
  said.overflow = await evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  if (options.screenshot) {
    const height = await evaluate("document.documentElement.scrollHeight");
    await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    const { data } = await call("Page.captureScreenshot");
    await writeFile(options.screenshot, Buffer.from(data, "base64"));
  }
  console.log(JSON.stringify(said));
} finally {
  browser.kill();
  await ended;
  await rm(profile, { recursive: true, force: true });
}
