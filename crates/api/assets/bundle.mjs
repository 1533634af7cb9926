// Verifies an evidence bundle on its own: plain JavaScript with WebCrypto, for Node and for a page.
//
//     node bundle.mjs <bundle> --policy <file> [--remember <checkpoint>] [--max-age <seconds>] [--now <seconds>]
//
// It shares no code with `sfs`. Exit codes as `sfs verify`: 0 whole, 20 incomplete, 30 does not continue what
// was remembered, 40 false, 50 not signed by whom the policy wants. In a page: `import { verify }`.
//
// What it checks, in this order: the container (a plain tar) and the digests of its files; signatures, quorum
// of witnesses and age of the checkpoint (C2SP signed-note, tlog-cosignature, tlog-policy); that the log
// continues the remembered one (RFC 9162 2.1.4.2); of each event its place, its order in time, the link to the
// event before it in its stream, the digest of its open body, what it discloses (RFC 9901); and that all of
// them lead to the root of the checkpoint.

const WHOLE = 0, INCOMPLETE = 20, INCONSISTENT = 30, FALSE = 40, UNTRUSTED = 50;
const GRAVITY = [WHOLE, INCOMPLETE, UNTRUSTED, INCONSISTENT, FALSE];

/** Why something is not accepted; `code` is what it means for the whole. */
class Fault extends Error {
  constructor(code, message) { super(message); this.code = code; }
}
const must = (is, message, code = FALSE) => { if (!is) throw new Fault(code, message); };

// Node 18 has it, but not under this name.
if (!globalThis.crypto) globalThis.crypto = (await import("node:crypto")).webcrypto;

// ---- Bytes -----------------------------------------------------------------------------------------------

const utf8 = new TextEncoder();
const text = (bytes) => {
  try { return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes); }
  catch { throw new Fault(FALSE, "a text is not UTF-8"); }
};
const concat = (...parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
};
const equal = (a, b) => a.length === b.length && a.every((byte, place) => byte === b[place]);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const toBase64url = (bytes) => toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** Standard base64 in its only spelling. */
function fromBase64(encoded, what) {
  let bytes = null;
  try { bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0)); } catch { /* said below */ }
  must(bytes && toBase64(bytes) === encoded, `${what} is not base64`);
  return bytes;
}
/** A decimal number without sign and leading zeros, up to 2^53 - 1. */
function decimal(digits, what) {
  must(/^(0|[1-9][0-9]*)$/.test(digits) && Number(digits) <= Number.MAX_SAFE_INTEGER, `${what} is not a number`);
  return Number(digits);
}
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const leafHash = (leaf) => sha256(concat([0], leaf));
const nodeHash = (left, right) => sha256(concat([1], left, right));

// ---- The container: a tar in one spelling ----------------------------------------------------------------

function header(name, size) {
  const block = new Uint8Array(512);
  const put = (at, ascii) => block.set(utf8.encode(ascii), at);
  put(0, name);
  put(100, "0000644\0" + "0000000\0" + "0000000\0");
  put(124, size.toString(8).padStart(11, "0") + "\0");
  put(136, "00000000000\0" + "        0");
  put(257, "ustar\0" + "00");
  put(148, block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ");
  return block;
}

function untar(bytes) {
  const files = [];
  for (let at = 0; ;) {
    must(at + 512 <= bytes.length, "the container ends early", INCOMPLETE);
    const block = bytes.subarray(at, at + 512);
    if (block.every((byte) => byte === 0)) {
      must(at + 1024 <= bytes.length, "the container ends early", INCOMPLETE);
      must(at + 1024 === bytes.length && bytes.subarray(at).every((byte) => byte === 0), "something follows the container");
      return files;
    }
    const ascii = String.fromCharCode(...block);
    const name = ascii.slice(0, 100).split("\0")[0], octal = ascii.slice(124, 135);
    must(/^[!-~]+$/.test(name) && /^[0-7]{11}$/.test(octal), `a header of the container is malformed, at byte ${at}`);
    const size = parseInt(octal, 8), end = at + 512 + size, next = Math.ceil(end / 512) * 512;
    must(equal(block, header(name, size)), `a header of the container is malformed, at byte ${at}`);
    must(next <= bytes.length, "the container ends early", INCOMPLETE);
    must(bytes.subarray(end, next).every((byte) => byte === 0), `the filling behind ${name} is not empty`);
    files.push([name, bytes.subarray(at + 512, end)]);
    at = next;
  }
}

/** The files of a bundle by name: those that must be there, none else, each once and in order. */
async function openBundle(bytes) {
  const files = untar(bytes), names = files.map(([name]) => name);
  const required = ["checkpoint", "positions", "leaves.bin", "open.bin", "multiproof.bin", "SHA256SUMS"];
  for (const name of required) must(names.includes(name), `the file ${name} is missing`, INCOMPLETE);
  const timestamps = names.filter((name) => /^[A-Za-z0-9-]+\.tsr$/.test(name)).sort();
  const order = ["checkpoint", "consistency", "positions", "leaves.bin", "open.bin", "multiproof.bin", "disclosures",
    ...timestamps, "SHA256SUMS"].filter((name) => names.includes(name));
  must(JSON.stringify(order) === JSON.stringify(names) && new Set(names).size === names.length, "files that do not belong there");
  let sums = "";
  for (const [name, content] of files.slice(0, -1)) sums += `${hex(await sha256(content))}  ${name}\n`;
  must(equal(utf8.encode(sums), files.at(-1)[1]), "the files are not those that SHA256SUMS names");
  return { ...Object.fromEntries(files), timestamps };
}

// ---- Signed notes, keys, policies ------------------------------------------------------------------------

const ED25519 = 1, COSIGNATURE = 4;

async function parseKey(vkey, type) {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey) ?? [];
  must(name, `not a key: ${vkey}`, UNTRUSTED);
  const bytes = fromBase64(encoded, "a key");
  must(bytes.length === 33 && bytes[0] === type, `not a key of this kind: ${name}`, UNTRUSTED);
  must(hex((await sha256(concat(utf8.encode(name + "\n"), bytes))).subarray(0, 4)) === id, `the key ${name} is damaged`, UNTRUSTED);
  const key = await crypto.subtle.importKey("raw", bytes.subarray(1), { name: "Ed25519" }, false, ["verify"]);
  return { name, id, key, vkey };
}

function parseNote(bytes) {
  const whole = text(bytes), cut = whole.lastIndexOf("\n\n");
  must(cut >= 0 && whole.endsWith("\n") && !/[\0-\x09\x0b-\x1f]/.test(whole), "the checkpoint is not a signed note");
  const signatures = whole.slice(cut + 2, -1).split("\n").map((line) => {
    const [, name, encoded] = /^\u2014 ([^+\s]+) (\S+)$/.exec(line) ?? [];
    must(name, "a line below the checkpoint is not a signature");
    const signature = fromBase64(encoded, "a signature");
    must(signature.length > 4, "a signature is too short");
    return { name, id: hex(signature.subarray(0, 4)), bytes: signature.subarray(4) };
  });
  must(signatures.length <= 100, "the checkpoint has too many signatures");
  return { signed: whole.slice(0, cut + 1), signatures };
}

function parseCheckpoint(signed) {
  const [origin, size, root, ...rest] = signed.split("\n");
  must(origin && root && rest.pop() === "" && !rest.includes(""), "the signed text is not a checkpoint");
  const checkpoint = { origin, size: decimal(size, "the size of the checkpoint"), root: fromBase64(root, "the root") };
  must(checkpoint.root.length === 32, "the root is not a hash");
  return checkpoint;
}

/** A policy (C2SP tlog-policy): logs, and what is asked of witnesses as a function from their times. */
async function parsePolicy(bytes) {
  const policy = { logs: [], witnesses: [], quorum: undefined };
  const since = new Map(); // Name → times by witness → the time since when it holds, or null.
  const malformed = (line) => { throw new Fault(UNTRUSTED, `the policy is malformed: ${line}`); };
  for (const line of text(bytes).split("\n")) {
    const [kind, ...rest] = line.trim().split(/[ \t]+/);
    if (kind === "" || kind.startsWith("#")) continue;
    if (kind === "log") {
      policy.logs.push(await parseKey(rest[0], ED25519));
    } else if (kind === "witness") {
      const witness = await parseKey(rest[1], COSIGNATURE);
      policy.witnesses.push(witness);
      since.set(rest[0], (times) => times.get(witness.vkey) ?? null);
    } else if (kind === "group") {
      const [name, number, ...members] = rest;
      if (!members.length || !members.every((member) => since.has(member))) malformed(line);
      const needed = number === "all" ? members.length : number === "any" ? 1 : decimal(number, "a threshold");
      if (needed < 1 || needed > members.length) malformed(line);
      const rules = members.map((member) => since.get(member));
      since.set(name, (times) => rules.map((rule) => rule(times)).filter((time) => time !== null).sort((a, b) => b - a)[needed - 1] ?? null);
    } else if (kind === "quorum" && policy.quorum === undefined) {
      policy.quorum = rest[0] === "none" ? null : since.get(rest[0]) ?? malformed(line);
    } else malformed(line);
  }
  must(policy.quorum !== undefined, "the policy has no quorum line", UNTRUSTED);
  return policy;
}

const signedBy = (key, signature, message) => crypto.subtle.verify({ name: "Ed25519" }, key.key, signature, utf8.encode(message));

/** Signatures, quorum and age of a checkpoint. */
async function checkSignatures(note, checkpoint, policy, { now, maxAge }, report) {
  let signed = false;
  const times = new Map();
  for (const { name, id, bytes } of note.signatures) {
    const claims = (key) => key.name === name && key.id === id;
    const log = policy.logs.find((key) => claims(key) && key.name === checkpoint.origin);
    if (log) {
      must(await signedBy(log, bytes, note.signed), `the signature of ${name} does not fit`);
      report.signed_by.push(log.vkey);
      signed = true;
    }
    const witness = policy.witnesses.find(claims);
    if (witness) {
      must(bytes.length === 72, `the cosignature of ${name} is malformed`);
      const time = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
      const message = `cosignature/v1\ntime ${time}\n${note.signed}`;
      must(await signedBy(witness, bytes.subarray(8), message), `the cosignature of ${name} does not fit`);
      times.set(witness.vkey, Math.max(time, times.get(witness.vkey) ?? 0));
    }
  }
  report.cosigned_by.push(...times.keys());
  must(signed, `no trusted key has signed the checkpoint of ${checkpoint.origin}`, UNTRUSTED);
  if (policy.quorum === null) {
    must(maxAge === undefined, "no witness is asked for, so nobody says how old the checkpoint is", UNTRUSTED);
    report.not_checked.push("whether others are shown the same log, and how old the checkpoint is: no witness is asked for");
    return;
  }
  const at = policy.quorum(times);
  must(at !== null, "too few witnesses have cosigned the checkpoint", UNTRUSTED);
  if (maxAge === undefined) report.not_checked.push("how old the checkpoint may be: no limit was given");
  else must(Math.abs(now - at) <= maxAge, `the checkpoint was cosigned ${now - at} seconds ago`, UNTRUSTED);
}

// ---- Proofs ----------------------------------------------------------------------------------------------

/** RFC 9162 2.1.4.2, with the cases before its first step. */
async function isContinued(old, now, proof) {
  if (old.size === now.size) return proof.length === 0 && equal(old.root, now.root);
  if (old.size === 0) return proof.length === 0 && equal(old.root, await sha256(new Uint8Array()));
  const half = (n) => Math.floor(n / 2);
  let node = old.size - 1, last = now.size - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  const path = node === 0 ? [old.root, ...proof] : [...proof];
  let older = path[0], newer = path[0];
  for (const hash of path.slice(1)) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      [older, newer] = [await nodeHash(hash, older), await nodeHash(hash, newer)];
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else newer = await nodeHash(newer, hash);
    [node, last] = [half(node), half(last)];
  }
  return path.length > 0 && last === 0 && equal(older, old.root) && equal(newer, now.root);
}

/** The root that leaves and the hashes of the subtrees without any of them come to, from left to right. */
async function rootOf(first, size, leaves, proof) {
  if (leaves.length === 0) {
    must(proof.length > 0, "the proof has too few hashes");
    return proof.shift();
  }
  if (size === 1) return leaves[0].hash;
  let left = 1;
  while (left * 2 < size) left *= 2;
  const within = leaves.filter(({ index }) => index < first + left);
  const hash = await rootOf(first, left, within, proof);
  return nodeHash(hash, await rootOf(first + left, size - left, leaves.slice(within.length), proof));
}

// ---- Events ----------------------------------------------------------------------------------------------

function readPositions(bytes) {
  const positions = [];
  let last = 0, distance = 0, factor = 1;
  for (const byte of bytes) {
    must(factor <= 2 ** 49 && !(byte === 0 && factor > 1), "positions are malformed");
    distance += (byte & 127) * factor;
    factor *= 128;
    if (byte < 128) {
      last += distance;
      must(distance > 0 && last <= Number.MAX_SAFE_INTEGER, "positions do not ascend");
      positions.push(last);
      [distance, factor] = [0, 1];
    }
  }
  must(factor === 1 && positions.length > 0, "positions are malformed");
  return positions;
}

function readItems(bytes, width, what) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), items = [];
  for (let at = 0; at < bytes.length;) {
    must(at + width <= bytes.length, `${what} is cut`);
    const end = at + width + (width === 2 ? view.getUint16(at) : view.getUint32(at));
    must(end <= bytes.length, `${what} is cut`);
    items.push(bytes.subarray(at + width, end));
    at = end;
  }
  return items;
}

function readDisclosures(bytes) {
  const all = new Map();
  if (!bytes) return all;
  const lines = text(bytes);
  must(lines.endsWith("\n"), "disclosures are malformed");
  let before = [0, ""];
  for (const line of lines.slice(0, -1).split("\n")) {
    const [digits, ...rest] = line.split(" "), position = decimal(digits, "the position of a disclosure");
    must(rest.length === 1, "disclosures are malformed");
    must(position > before[0] || (position === before[0] && rest[0] > before[1]), "disclosures are not in order");
    before = [position, rest[0]];
    all.set(position, [...(all.get(position) ?? []), rest[0]]);
  }
  return all;
}

/** Everything of the events but their proof; answers index and hash of each. */
async function checkEvents(bundle, report) {
  const positions = readPositions(bundle.positions);
  const leaves = readItems(bundle["leaves.bin"], 2, "leaves.bin"), bodies = readItems(bundle["open.bin"], 4, "open.bin");
  must(positions.length === leaves.length && positions.length === bodies.length, "positions, leaves and bodies differ in number");
  const disclosures = readDisclosures(bundle.disclosures), streams = new Map(), hashes = [];
  let recorded = "";
  for (const [place, position] of positions.entries()) {
    const where = (what) => `position ${position}: ${what}`;
    const hash = await leafHash(leaves[place]), spelled = text(leaves[place]);
    hashes.push({ index: position - 1, hash });
    let leaf = null;
    try { leaf = JSON.parse(spelled); } catch { /* said below */ }
    // Nothing stands between its parts and no key is there twice.
    must(leaf && leaf.v === 1 && JSON.stringify(leaf) === spelled, where("not a leaf"));
    must(leaf.pos === position, where(`the leaf is of position ${leaf.pos}`));
    must(typeof leaf.at === "string" && leaf.at >= recorded, where("recorded before the event in front of it"));
    recorded = leaf.at;
    const before = streams.get(leaf.stream);
    must(leaf.sv > (before?.sv ?? 0), where("its place in its stream is not behind the one before it"));
    if (leaf.sv === (before?.sv ?? 0) + 1) must(leaf.prev === before?.hash, where("its back link is another event's"));
    streams.set(leaf.stream, { sv: leaf.sv, hash: toBase64url(hash) });
    must(leaf.open === toBase64url(await sha256(bodies[place])), where("its open body is another one"));
    for (const disclosure of disclosures.get(position) ?? []) {
      const digest = toBase64url(await sha256(utf8.encode(disclosure)));
      must(leaf._sd?.includes(digest), where("a disclosure that the event does not commit to"));
      report.disclosures += 1;
    }
    disclosures.delete(position);
  }
  must(disclosures.size === 0, "a disclosure of an event that is not in the bundle");
  report.events = positions.length;
  return hashes;
}

// ---- All of it -------------------------------------------------------------------------------------------

/** Verifies the bytes of a bundle under the bytes of a policy. Answers `{ code, findings, not_checked, … }`. */
export async function verify(bytes, policyBytes, { remembered, maxAge, now = Math.floor(Date.now() / 1000) } = {}) {
  const report = { code: WHOLE, findings: [], events: 0, disclosures: 0, signed_by: [], cosigned_by: [], not_checked: [] };
  /** What one step finds does not keep the next from being taken. */
  const step = async (work) => {
    try { return await work(); } catch (fault) {
      const code = fault instanceof Fault ? fault.code : FALSE;
      report.findings.push(fault.message);
      if (GRAVITY.indexOf(code) > GRAVITY.indexOf(report.code)) report.code = code;
      return undefined;
    }
  };
  const bundle = await step(() => openBundle(bytes));
  const policy = await step(() => parsePolicy(policyBytes));
  const note = bundle && await step(() => parseNote(bundle.checkpoint));
  const checkpoint = note && await step(() => parseCheckpoint(note.signed));
  if (checkpoint && policy) await step(() => checkSignatures(note, checkpoint, policy, { now, maxAge }, report));
  if (checkpoint && remembered) {
    await step(async () => {
      const old = parseCheckpoint(parseNote(remembered).signed);
      must(old.origin === checkpoint.origin, `the remembered checkpoint is of ${old.origin}`, INCONSISTENT);
      must(old.size <= checkpoint.size, "the checkpoint is older than the remembered one", INCOMPLETE);
      let proof = [];
      if (old.size < checkpoint.size) {
        const lines = text(bundle.consistency ?? new Uint8Array()).split("\n");
        must(lines.shift() === `old ${old.size}` && lines.pop() === "", "no consistency proof from the remembered size", INCOMPLETE);
        proof = lines.map((line) => fromBase64(line, "a hash"));
      }
      must(await isContinued(old, checkpoint, proof), "the log does not continue the remembered one", INCONSISTENT);
    });
  } else report.not_checked.push("whether the log continues what was known of it: no checkpoint was remembered");
  const leaves = bundle && await step(() => checkEvents(bundle, report));
  if (leaves && checkpoint) {
    await step(async () => {
      const bytes = bundle["multiproof.bin"];
      must(bytes.length % 32 === 0, "the proof is malformed");
      must(leaves.at(-1).index < checkpoint.size, "an event is not in a log of that size");
      const proof = Array.from({ length: bytes.length / 32 }, (_, place) => bytes.subarray(place * 32, place * 32 + 32));
      // From behind, so that taking the next is cheap.
      const reversed = proof.reverse();
      reversed.shift = () => reversed.pop();
      const root = await rootOf(0, checkpoint.size, leaves, reversed);
      must(reversed.length === 0 && equal(root, checkpoint.root), "the events do not lead to the root of the checkpoint");
    });
  }
  if (checkpoint) Object.assign(report, { origin: checkpoint.origin, size: checkpoint.size, root: toBase64url(checkpoint.root) });
  if (bundle?.timestamps.length) report.not_checked.push("the timestamp replies: openssl ts -verify checks them");
  report.not_checked.push("events that are not in the bundle, and whether a figure follows from these",
    "sealed data", "what was never recorded, and whether what was recorded is true");
  return report;
}

async function main(args) {
  const { readFile } = await import("node:fs/promises");
  const options = {}, files = [];
  for (let at = 0; at < args.length; at++) args[at].startsWith("--") ? (options[args[at].slice(2)] = args[++at]) : files.push(args[at]);
  if (files.length !== 1 || !options.policy) {
    console.error("usage: node bundle.mjs <bundle> --policy <file> [--remember <checkpoint>] [--max-age <seconds>] [--now <seconds>]");
    return 2;
  }
  const number = (value) => (value === undefined ? undefined : Number(value));
  const [bundle, policy, remembered] = await Promise.all([files[0], options.policy, options.remember].map((path) => path && readFile(path)));
  const report = await verify(new Uint8Array(bundle), policy, { remembered, maxAge: number(options["max-age"]), now: number(options.now) });
  console.log(JSON.stringify(report));
  return report.code;
}

if (globalThis.process?.argv?.[1]?.endsWith("bundle.mjs")) process.exitCode = await main(process.argv.slice(2));
