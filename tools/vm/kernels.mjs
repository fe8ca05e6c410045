import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot } from "./cache.mjs";
import { capture } from "./capture.mjs";
import { updatePackageLists } from "./packages.mjs";
import { VmError } from "./vm-error.mjs";

/**
 * A line of Debian kernels.
 *
 * @typedef {object} KernelLine
 * @property {string} name What the command line calls it.
 * @property {RegExp} packages Matches the names of the line's packages. The one with the highest numbers in its name is
 *   the newest.
 */

/** @typedef {{ package: string, version: string }} KernelPackage */

/** The kernels the test bed knows, oldest first. The cloud flavours are no use: they have no 9p. */
export const kernelLines = /** @satisfies {readonly KernelLine[]} */ ([
  { name: "6.1", packages: /^linux-image-6\.1\.\d+-\d+-amd64$/ },
  { name: "6.12", packages: /^linux-image-6\.12\.\d+\+deb\d+-amd64$/ },
]);

/**
 * @param {string} name
 * @returns {KernelLine}
 */
export function kernelLine(name) {
  const line = kernelLines.find((candidate) => candidate.name === name);
  if (line !== undefined) return line;
  const names = kernelLines.map((known) => known.name).join(", ");
  throw new VmError("usage", `--kernel(${name}): unknown – known kernels: ${names}`);
}

/**
 * Chooses the newest package of a line that apt knows. The choice is kept until apt's lists change, and outlives them:
 * without lists the kernel chosen before is used.
 *
 * @param {KernelLine} line
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<KernelPackage>}
 */
export async function newestPackage(line, caller) {
  const file = join(cacheRoot, "newest", `${line.name}.json`);
  const listsTime = await stat("/var/lib/apt/lists").then(
    (stats) => stats.mtimeMs,
    () => 0,
  );
  const known = await readFile(file, "utf8").then(JSON.parse, () => undefined);
  if (known?.listsTime === listsTime) return known;
  let newest = await askApt(line, caller);
  if (newest === undefined && known === undefined) {
    await updatePackageLists(caller);
    newest = await askApt(line, caller);
  }
  newest ??= known;
  if (newest === undefined) {
    throw new VmError("unavailable", `apt-cache(${line.name}): no package matches ${line.packages} – use Debian 12`);
  }
  await mkdir(join(cacheRoot, "newest"), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ package: newest.package, version: newest.version, listsTime }));
  await rename(draft, file);
  return newest;
}

/**
 * @param {KernelLine} line
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<KernelPackage | undefined>}
 */
async function askApt(line, { signal }) {
  const { stdout } = await capture("apt-cache", ["pkgnames", "linux-image-"], { signal });
  const packages = stdout
    .toString()
    .split("\n")
    .filter((name) => line.packages.test(name))
    .sort(byNumbersDescending);
  if (packages.length === 0) return undefined;
  // A name may be known only because another package mentions it: then it has no version.
  const policy = await capture("apt-cache", ["policy", ...packages], { signal, env: { ...process.env, LC_ALL: "C" } });
  /** @type {Map<string, string>} */
  const versions = new Map();
  const candidates = /^(\S+):\n {2}Installed: .*\n {2}Candidate: (\S+)/gm;
  for (const [, name, version] of policy.stdout.toString().matchAll(candidates)) {
    if (name !== undefined && version !== undefined && version !== "(none)") versions.set(name, version);
  }
  for (const name of packages) {
    const version = versions.get(name);
    if (version !== undefined) return { package: name, version };
  }
  return undefined;
}

/** @param {string} a @param {string} b */
function byNumbersDescending(a, b) {
  const [left, right] = [a, b].map((name) => (name.match(/\d+/g) ?? []).map(Number));
  for (let i = 0; left !== undefined && right !== undefined && i < left.length; i++) {
    const difference = (right[i] ?? 0) - (left[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
