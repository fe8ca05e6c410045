import { existsSync } from "node:fs";
import { access, constants, mkdir, readdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cached } from "./cache.mjs";
import { capture } from "./capture.mjs";
import { VmError } from "./vm-error.mjs";

/**
 * What the preparations need from whoever asked for them.
 *
 * @typedef {object} Caller
 * @property {(message: string) => void} say Tells a person what takes long or went wrong; one line, no line end.
 * @property {AbortSignal | undefined} [signal] Ends the preparations.
 */

/**
 * Finds a program in `PATH`, installing its Debian package when it is not there.
 *
 * @param {string} program
 * @param {string} packageName
 * @param {Caller} caller
 * @returns {Promise<string>} Absolute path.
 */
export async function installedProgram(program, packageName, caller) {
  const found = await findProgram(program);
  if (found !== undefined) return found;
  await installPackage(packageName, caller);
  const installed = await findProgram(program);
  if (installed === undefined) {
    throw new VmError("unavailable", `install(${packageName}): it holds no ${program} – is this Debian on amd64?`);
  }
  return installed;
}

/**
 * Makes sure of a file of a Debian package, installing the package when it is not there.
 *
 * @param {string} path
 * @param {string} packageName
 * @param {Caller} caller
 */
export async function installedFile(path, packageName, caller) {
  if (existsSync(path)) return;
  await installPackage(packageName, caller);
  if (!existsSync(path)) throw new VmError("unavailable", `install(${packageName}): it holds no ${path}`);
}

/** @param {string} packageName @param {Caller} caller */
function installPackage(packageName, caller) {
  return apt(
    `install(${packageName})`,
    // Waits for other users of dpkg, and is never cut short: an interrupted dpkg needs repair by hand.
    () =>
      capture("apt-get", [...aptOptions, "install", "-y", "--no-install-recommends", packageName], {
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
        detached: true,
      }),
    caller,
    `installing ${packageName} with apt`,
  );
}

/**
 * Finds a program in `PATH`, or else in its Debian package, unpacked in the cache and not installed.
 *
 * @param {string} program
 * @param {string} packageName
 * @param {string} pathInPackage Such as `usr/bin/zstd`.
 * @param {Caller} caller
 * @returns {Promise<string>} Absolute path.
 */
export async function unpackedProgram(program, packageName, pathInPackage, caller) {
  const found = await findProgram(program);
  if (found !== undefined) return found;
  return join(await unpackedPackage(packageName, caller), pathInPackage);
}

/**
 * Unpacks a Debian package in the cache.
 *
 * @param {string} packageName
 * @param {Caller} caller
 * @returns {Promise<string>} The folder that stands for `/`.
 */
export function unpackedPackage(packageName, caller) {
  return cached(join("packages", packageName), (folder) => unpackPackage(packageName, folder, caller));
}

/**
 * Downloads a Debian package and unpacks it without installing it.
 *
 * @param {string} packageName
 * @param {string} folder Stands for `/`.
 * @param {Caller} caller
 */
export async function unpackPackage(packageName, folder, caller) {
  const download = join(folder, ".download");
  await mkdir(download);
  await apt(
    `download(${packageName})`,
    () => capture("apt-get", [...aptOptions, "download", packageName], { cwd: download, signal: caller.signal }),
    caller,
    `fetching ${packageName}`,
  );
  for (const name of await readdir(download)) {
    const { status, stderr } = await capture("dpkg", ["-x", join(download, name), folder], { signal: caller.signal });
    if (status !== 0) throw new VmError("unavailable", `dpkg -x(${name}): ${lastLine(stderr)} – is the disk full?`);
  }
  await rm(download, { recursive: true });
}

/**
 * Reads apt's package lists anew. Lists that cannot be fetched are left as they are: what is missing in the end is told by
 * the step that needs it.
 *
 * @param {Caller} caller
 */
export async function updatePackageLists({ say, signal }) {
  say("updating apt's package lists");
  await capture("apt-get", [...aptOptions, "update"], { signal });
}

// Without the sandbox user, apt does not complain that it cannot write to a folder of ours.
const aptOptions = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "APT::Sandbox::User=root"];

/**
 * Runs one step of apt, and once more with new package lists when it fails: an old list names files that are gone.
 *
 * @param {string} operation
 * @param {() => ReturnType<typeof capture>} step
 * @param {Caller} caller
 * @param {string} announcement
 */
async function apt(operation, step, caller, announcement) {
  caller.say(announcement);
  let result = await step();
  if (result.status !== 0 && result.status !== 127) {
    await updatePackageLists(caller);
    result = await step();
  }
  if (result.status === 127) throw new VmError("unavailable", `${operation}: there is no apt-get – use Debian 12`);
  if (result.status !== 0) {
    const cause = lastLine(result.stderr) || lastLine(result.stdout.toString()) || `apt-get exited ${result.status}`;
    throw new VmError("unavailable", `${operation}: ${cause} – needs root and a reachable Debian mirror`);
  }
}

/** @param {string} program @returns {Promise<string | undefined>} */
async function findProgram(program) {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    if (!folder.startsWith("/")) continue;
    const path = join(folder, program);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** @param {string} text */
function lastLine(text) {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
