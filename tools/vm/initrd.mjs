import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cached } from "./cache.mjs";
import { cpio } from "./cpio.mjs";
import { unpackedPackage } from "./packages.mjs";

/**
 * Builds the initrd for a kernel, or finds it in the cache. It is left uncompressed: the guest's CPU is the slow one.
 *
 * @param {import("./kernel.mjs").Kernel} kernel
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<string>} Path of the archive.
 */
export async function getInitrd(kernel, caller) {
  const folders = ["bin", "dev", "host", "lower", "modules", "proc", "sys", "upper"];
  const files = await Promise.all([
    file("init", 0o755, new URL("guest-init.sh", import.meta.url)),
    file("session", 0o755, new URL("guest-session.sh", import.meta.url)),
    file("bin/busybox", 0o755, join(await unpackedPackage("busybox-static", caller), "bin/busybox")),
    ...kernel.modules.map((path) => file(`modules/${basename(path)}`, 0o644, path)),
  ]);
  const archive = cpio([...folders.map((path) => ({ path, mode: 0o040755 })), ...files]);
  const key = createHash("sha256").update(archive).digest("hex").slice(0, 16);
  const folder = await cached(join("initrds", key), (draft) => writeFile(join(draft, "initrd"), archive));
  return join(folder, "initrd");
}

/** @param {string} path @param {number} permissions @param {string | URL} source */
async function file(path, permissions, source) {
  return { path, mode: 0o100000 | permissions, contents: await readFile(source) };
}
