// Compiles the addon of perf-native for the platforms whose binaries its package carries: packages/perf-native/prebuilds.
//
//   node tools/prebuild.mjs [ARCHITECTURE…]
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installedProgram } from "./vm/packages.mjs";

const home = fileURLToPath(new URL("../packages/perf-native", import.meta.url));
/** What compiles for an architecture, by Debian's prefix. */
const crossPrefixes = { x64: "x86_64-linux-gnu-", arm64: "aarch64-linux-gnu-" };

/**
 * Makes the binary of each architecture anew. Musl is left to a compilation where the package is installed: Debian has no
 * C++ library for it.
 *
 * @param {readonly string[]} [architectures] Of `x64` and `arm64`, under Node's names.
 */
export async function prebuild(architectures = Object.keys(crossPrefixes)) {
  const prefix = dirname(dirname(process.execPath));
  if (!existsSync(join(prefix, "include/node/node_api.h"))) {
    throw new Error(
      `prebuild: there is no include/node beside ${process.execPath} – use a Node that brings its headers`,
    );
  }
  rmSync(join(home, "prebuilds"), { recursive: true, force: true });
  // A copy, so that the build of this machine's own stays as it is.
  const stage = mkdtempSync(join(tmpdir(), "kernscope-prebuild-"));
  try {
    for (const part of ["binding.gyp", "package.json", "native"]) {
      cpSync(join(home, part), join(stage, part), { recursive: true });
    }
    symlinkSync(join(home, "node_modules"), join(stage, "node_modules"));
    for (const architecture of architectures) {
      compile(stage, architecture, { ...(await compilerFor(architecture)), npm_config_nodedir: prefix });
      console.log(`prebuild: linux-${architecture}`);
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** @param {string} stage @param {string} architecture @param {Record<string, string>} environment */
function compile(stage, architecture, environment) {
  const program = join(home, "node_modules/.bin/prebuildify");
  const args = ["--napi", "--strip", "--tag-libc", "--arch", architecture, "--target", process.version, "--out", home];
  const result = spawnSync(program, args, {
    cwd: stage,
    env: {
      ...process.env,
      ...environment,
      PREBUILD_NODE_GYP: join(home, "node_modules/.bin/node-gyp"),
      KERNSCOPE_PORTABLE: "1",
    },
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (result.status === 0) return;
  const output = `${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`;
  throw new Error(`prebuild(${architecture}): not compiled\n${output}`);
}

/** @param {string} architecture */
async function compilerFor(architecture) {
  const prefix = crossPrefixes[architecture];
  if (prefix === undefined) throw new Error(`prebuild(${architecture}): not one of ${Object.keys(crossPrefixes)}`);
  if (architecture === process.arch) return { PREBUILD_STRIP_BIN: "strip" };
  const caller = { say: (text) => console.log(`prebuild: ${text}`) };
  const debian = prefix.slice(0, -1).replace("_", "-");
  const cxx = await installedProgram(`${prefix}g++`, `g++-${debian}`, caller);
  return { CC: `${prefix}gcc`, CXX: cxx, AR: `${prefix}ar`, PREBUILD_STRIP_BIN: `${prefix}strip` };
}

if (process.argv[1] === import.meta.filename) {
  await prebuild(process.argv.length > 2 ? process.argv.slice(2) : undefined);
}
