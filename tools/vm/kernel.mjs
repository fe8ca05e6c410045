import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cached } from "./cache.mjs";
import { capture } from "./capture.mjs";
import { newestPackage } from "./kernels.mjs";
import { unpackedProgram, unpackPackage } from "./packages.mjs";
import { VmError } from "./vm-error.mjs";

/**
 * A kernel ready to boot.
 *
 * @typedef {object} Kernel
 * @property {string} package Debian's name, such as `linux-image-6.1.0-56-amd64`.
 * @property {string} version Debian's version of that package.
 * @property {string} vmlinux Path of the uncompressed ELF image: qemu starts it directly (PVH), which saves half of the
 *   CPU time that the guest would spend on unpacking itself.
 * @property {readonly string[]} modules Paths of the uncompressed modules the guest loads, in the order of loading.
 */

// Ports and the host's file system. A module the kernel has built in is left out.
const wantedModules = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];

/**
 * Gets the newest kernel of a line, from the cache or from Debian.
 *
 * @param {import("./kernels.mjs").KernelLine} line
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<Kernel>}
 */
export async function getKernel(line, caller) {
  const chosen = await newestPackage(line, caller);
  try {
    return await loadKernel(chosen, caller);
  } catch (error) {
    // A package that old lists name may be gone from the mirror; the lists have been updated by now.
    const next = await newestPackage(line, caller);
    if (next.package === chosen.package && next.version === chosen.version) throw error;
    return await loadKernel(next, caller);
  }
}

/**
 * @param {import("./kernels.mjs").KernelPackage} kernel
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<Kernel>}
 */
async function loadKernel({ package: name, version }, caller) {
  const modulesKey = createHash("sha256").update(wantedModules.join()).digest("hex").slice(0, 8);
  const folder = await cached(join("kernels", `${name}_${version}_${modulesKey}`), (draft) =>
    buildKernel(name, draft, caller),
  );
  const modules = (await readdir(join(folder, "modules"))).sort().map((module) => join(folder, "modules", module));
  return { package: name, version, vmlinux: join(folder, "vmlinux"), modules };
}

/**
 * Leaves `vmlinux`, `config` and `modules/NN-name.ko` in a folder, and nothing else of the 400 MB a package unpacks to.
 *
 * @param {string} packageName
 * @param {string} folder
 * @param {import("./packages.mjs").Caller} caller
 */
async function buildKernel(packageName, folder, caller) {
  const root = join(folder, "root");
  await mkdir(root);
  await unpackPackage(packageName, root, caller);
  const release = packageName.replace(/^linux-image-/, "");
  const vmlinuz = await readFile(join(root, "boot", `vmlinuz-${release}`));
  await writeFile(join(folder, "vmlinux"), await unpackImage(vmlinuz, packageName, caller));
  await rename(join(root, "boot", `config-${release}`), join(folder, "config"));
  await mkdir(join(folder, "modules"));
  const modules = await collectModules(join(root, "lib/modules", release), caller);
  for (const [i, module] of modules.entries()) {
    await writeFile(join(folder, "modules", `${String(i).padStart(2, "0")}-${module.name}.ko`), module.contents);
  }
  await rm(root, { recursive: true });
}

/**
 * Cuts the ELF image out of a bzImage. Where it stands is told by the setup header (Documentation/arch/x86/boot.rst:
 * setup_sects, payload_offset, payload_length); the payload's last four bytes are the size of what it unpacks to.
 *
 * @param {Buffer} bzImage
 * @param {string} packageName
 * @param {import("./packages.mjs").Caller} caller
 * @returns {Promise<Buffer>}
 */
async function unpackImage(bzImage, packageName, caller) {
  const start = (bzImage.readUInt8(0x1f1) + 1) * 512 + bzImage.readUInt32LE(0x248);
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c));
  const image = await decompress(payload.subarray(0, -4), packageName, caller);
  if (image.length !== payload.readUInt32LE(payload.length - 4) || image.readUInt32BE(0) !== 0x7f454c46) {
    throw new VmError("unavailable", `vmlinux(${packageName}): the unpacked image is no whole ELF file – report a bug`);
  }
  return image;
}

/**
 * Collects the wanted modules and those they depend on, each after its dependencies.
 *
 * @param {string} folder `/lib/modules/RELEASE`.
 * @param {import("./packages.mjs").Caller} caller
 */
async function collectModules(folder, caller) {
  const builtin = new Set((await readFile(join(folder, "modules.builtin"), "utf8")).split("\n").map(moduleName));
  /** @type {Map<string, string>} */
  const paths = new Map();
  for (const path of await readdir(join(folder, "kernel"), { recursive: true })) {
    if (/\.ko(\.\w+)?$/.test(path)) paths.set(moduleName(path), join(folder, "kernel", path));
  }
  /** @type {Map<string, Buffer>} */
  const collected = new Map();
  /** @param {string} name */
  const collect = async (name) => {
    if (builtin.has(name) || collected.has(name)) return;
    const path = paths.get(name);
    if (path === undefined)
      throw new VmError("unavailable", `modules(${name}): not in the package – use another flavour`);
    const contents = await readFile(path);
    const module = path.endsWith(".ko") ? contents : await decompress(contents, path, caller);
    for (const dependency of dependencies(module)) await collect(dependency);
    collected.set(name, module);
  };
  for (const name of wantedModules) await collect(name);
  return [...collected].map(([name, contents]) => ({ name, contents }));
}

/** The `depends` line of a module's .modinfo section. @param {Buffer} module */
function dependencies(module) {
  const key = "\0depends=";
  const at = module.indexOf(key, 0, "latin1");
  if (at === -1) return [];
  const start = at + key.length;
  const list = module.toString("latin1", start, module.indexOf(0, start));
  return list === "" ? [] : list.split(",").map(moduleName);
}

/** File names and .modinfo differ in `-` and `_`. @param {string} path */
function moduleName(path) {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

/**
 * @param {Buffer} packed
 * @param {string} subject
 * @param {import("./packages.mjs").Caller} caller
 */
async function decompress(packed, subject, caller) {
  const magic = packed.readUInt32BE(0);
  /** @type {[string, string[]]} */
  let command;
  if (magic === 0xfd377a58) command = [await unpackedProgram("xz", "xz-utils", "usr/bin/xz", caller), ["-dc"]];
  else if (magic === 0x28b52ffd) command = [await unpackedProgram("zstd", "zstd", "usr/bin/zstd", caller), ["-dc"]];
  else throw new VmError("unavailable", `decompress(${subject}): neither xz nor zstd – add the format to kernel.mjs`);
  const { status, stdout, stderr } = await capture(...command, { input: packed, signal: caller.signal });
  if (status !== 0) throw new VmError("unavailable", `decompress(${subject}): ${stderr.trim()} – remove .cache/vm`);
  return stdout;
}
