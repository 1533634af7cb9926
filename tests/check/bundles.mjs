// Verifies all bundles of a directory in one process and prints their exit codes as one JSON object.
//
//     node bundles.mjs <directory> <policy> <remembered, or -> <now> <max age>

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { verify } from "../../crates/api/assets/bundle.mjs";

const [directory, policyPath, rememberedPath, now, maxAge] = process.argv.slice(2);
const policy = await readFile(policyPath);
const remembered = rememberedPath === "-" ? undefined : await readFile(rememberedPath);
const codes = {};
for (const name of await readdir(directory)) {
  const bytes = new Uint8Array(await readFile(join(directory, name)));
  codes[name] = (await verify(bytes, policy, { remembered, now: Number(now), maxAge: Number(maxAge) })).code;
}
console.log(JSON.stringify(codes));
