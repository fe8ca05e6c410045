// What has to hold beside the tests: formatting and lint, the wire API's lint, imports that go downward only, and a build
// that leaves the tree as it was.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";
import { layerFaults } from "./layers.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const buf = join(root, "packages/telemetry-api/node_modules/.bin/buf");
const before = git("status", "--porcelain");
build();

const faults = [
  ...command("biome", ["ci", "--error-on-warnings", "."]),
  ...command(buf, ["lint", "proto"]),
  ...command(buf, ["format", "--diff", "--exit-code", "proto"]),
  ...layerFaults(root),
  ...(git("status", "--porcelain") === before ? [] : [`the build changes the tree:\n${git("status", "--porcelain")}`]),
];
for (const fault of faults) console.error(`check: ${fault}`);
console.log(faults.length === 0 ? "check: all is well" : `check: ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;

function command(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  return status === 0 ? [] : [`${[program, ...args].join(" ")}\n${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}`];
}

function git(...args) {
  return spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout;
}
