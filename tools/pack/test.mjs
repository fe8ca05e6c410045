// What is published works where nothing of this repository is: prebuilt binaries that old systems can load, tarballs that
// plain npm installs, on every Node they are for.
//
//   node tools/pack/test.mjs [--no-prebuild]
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../build.mjs";
import { prebuild } from "../prebuild.mjs";
import { repositoryRoot } from "../vm/cache.mjs";
import { installedProgram } from "../vm/packages.mjs";
import { isWithin, neededGlibc } from "./glibc.mjs";
import { nodeOf } from "./nodes.mjs";
import { command, install, pack, removePrebuilds } from "./project.mjs";

const { values } = parseArgs({ options: { "no-prebuild": { type: "boolean", default: false } } });
/** The C library of RHEL 8, Debian 10 and Ubuntu 20.04's predecessors: what Node 20 itself needs. */
const glibcLimit = "2.28";
const majors = [20, 22, 24, 26];

let passed = 0;
let failed = 0;
const folder = mkdtempSync(join(tmpdir(), "kernscope-pack-"));
try {
  build();
  if (!values["no-prebuild"]) await prebuild();
  await run();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function run() {
  for (const architecture of ["x64", "arm64"]) {
    await test(`linux-${architecture}: no newer C library than ${glibcLimit} is needed`, () => {
      const needed = neededGlibc(binary(join(repositoryRoot, "packages/perf-native"), architecture));
      if (!isWithin(needed, glibcLimit)) throw new Error(`it needs ${needed}`);
    });
  }
  const tarballs = pack(folder);
  for (const tarball of tarballs) {
    const name = tarball.split("/").at(-1);
    await test(`${name}: publint`, () => command("node_modules/.bin/publint", ["--strict", tarball]));
    await test(`${name}: are the types wrong`, () =>
      command("node_modules/.bin/attw", ["--profile", "esm-only", tarball]));
  }

  const project = join(folder, "project");
  await test("plain npm installs the tarballs in an empty project, and compiles nothing", () => {
    install(project, tarballs, { CXX: "/bin/false", CC: "/bin/false" });
    if (existsSync(join(project, "node_modules/@kernscope/perf-native/build"))) throw new Error("it compiled");
  });
  for (const major of majors) {
    await test(`Node ${major} counts real events`, () => count(nodeOf(major, "x64"), project, major));
  }
  await test("linux-arm64: loads, and says what an emulated kernel lacks", async () => {
    const emulator = await installedProgram("qemu-aarch64", "qemu-user", {
      say: (text) => console.log(`pack: ${text}`),
    });
    await installedProgram("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu", { say: console.log });
    const program = `
      import { clockNanos } from "@kernscope/perf-native";
      import { EventMonitor, features } from "@kernscope/perf";
      const { perfEvents } = await features();
      const error = await EventMonitor.open().catch((error) => error);
      console.log(process.arch, typeof clockNanos(1), perfEvents.reason, error.code, error.feature);`;
    const args = ["-L", "/usr/aarch64-linux-gnu", nodeOf(20, "arm64"), "--input-type=module", "-e", program];
    const output = command(emulator, args, { cwd: join(project) }).trim();
    if (output !== "arm64 bigint perf_event_open: ENOSYS unsupported perfEvents")
      throw new Error(`it printed ${output}`);
  });
  await test("elsewhere than on Linux nothing is compiled on installation", () => {
    removePrebuilds(project);
    const home = join(project, "node_modules/@kernscope/perf-native");
    const darwin = 'data:text/javascript,Object.defineProperty(process,"platform",{value:"darwin"})';
    command(process.execPath, ["--import", darwin, "install.mjs"], { cwd: home });
    if (existsSync(join(home, "build"))) throw new Error("it compiled");
  });
  await test("without a binary for the platform the addon is compiled where it is installed", () => {
    command("npm", ["rebuild", "@kernscope/perf-native"], {
      cwd: project,
      env: { npm_config_nodedir: dirname(dirname(process.execPath)) },
    });
    count(process.execPath, project);
  });
}

/** @param {string} node @param {string} project @param {number} [major] */
function count(node, project, major) {
  const result = JSON.parse(command(node, ["count.mjs"], { cwd: project }));
  if (major !== undefined && !result.node.startsWith(`v${major}.`)) throw new Error(`it is Node ${result.node}`);
  if (result.seen !== 1000) throw new Error(`${result.seen} of 1000 events were seen, ${result.lost} lost`);
}

/** @param {string} home @param {string} architecture */
function binary(home, architecture) {
  return join(home, `prebuilds/linux-${architecture}`, "@kernscope+perf-native.glibc.node");
}

/** @param {string} name @param {() => unknown} body */
async function test(name, body) {
  const started = Date.now();
  try {
    await body();
    passed++;
    console.log(`ok   ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n     ${error.message}`);
  }
}
