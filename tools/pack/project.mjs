import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../vm/cache.mjs";

/** The packages that stand on their own, in the order in which they need each other. */
export const packages = ["perf-native", "perf"];

/**
 * Runs a program to its end.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options] `env` is added to this process's.
 * @returns {string} What it wrote.
 */
export function command(program, args, { cwd = repositoryRoot, env = {} } = {}) {
  const result = spawnSync(program, args, {
    cwd,
    // This repository's own npm settings are not the users'.
    env: { ...process.env, npm_config_ignore_scripts: "false", ...env },
    encoding: "utf8",
    maxBuffer: 1 << 26,
    timeout: 180_000,
  });
  if (result.status === 0) return result.stdout;
  const cause = result.error?.message ?? `ended with ${result.signal ?? `status ${result.status}`}`;
  throw new Error(`${[program, ...args].join(" ")}: ${cause}\n${result.stdout ?? ""}${result.stderr ?? ""}`);
}

/** Packs the packages as they are published. @param {string} folder @returns {string[]} The tarballs. */
export function pack(folder) {
  return packages.map((name) => {
    const home = join(folder, name);
    mkdirSync(home);
    command("npx", ["--yes", "pnpm@10.34.9", "pack", "--pack-destination", home], {
      cwd: join(repositoryRoot, "packages", name),
    });
    const [tarball] = readdirSync(home);
    if (tarball === undefined) throw new Error(`pack(${name}): there is no tarball`);
    return join(home, tarball);
  });
}

/**
 * Makes an empty project with these packages, by plain npm.
 *
 * @param {string} folder
 * @param {readonly string[]} tarballs
 * @param {Record<string, string>} [env]
 */
export function install(folder, tarballs, env = {}) {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  command("npm", ["install", "--no-audit", "--no-fund", ...tarballs], { cwd: folder, env });
  writeFileSync(join(folder, "count.mjs"), countProgram);
}

/** Takes the binaries for whole platforms out of an installed package. @param {string} folder */
export function removePrebuilds(folder) {
  rmSync(join(folder, "node_modules/@kernscope/perf-native/prebuilds"), { recursive: true });
}

/** Counts events of its own and prints how many it saw of how many. */
const countProgram = `
import { writeFileSync } from "node:fs";
import { EventMonitor } from "@kernscope/perf";

const monitor = await EventMonitor.open();
let seen = 0;
await monitor.registerTracepoint("task/task_rename", (record, { newcomm }) => {
  if (record.pid === process.pid && newcomm === "ks-pack") seen++;
});
for (let made = 0; made < 1000; made++) writeFileSync("/proc/self/comm", "ks-pack");
const run = monitor.run();
await monitor.stop();
await run;
const { total } = await monitor.loss();
await monitor.close();
console.log(JSON.stringify({ node: process.version, seen, lost: String(total.lost) }));
`;
