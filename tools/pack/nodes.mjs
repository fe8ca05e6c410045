import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../vm/cache.mjs";

const folder = join(repositoryRoot, ".cache", "node");

/**
 * The newest Node of a major version, out of npm's packages of it. It is fetched once: `rm -rf .cache/node` for a newer one.
 *
 * @param {number} major
 * @param {"x64" | "arm64"} architecture
 * @returns {string} Path of the program.
 */
export function nodeOf(major, architecture) {
  const name = `node-linux-${architecture}`;
  const home = join(folder, `${architecture}-${major}`);
  const program = join(home, "node_modules", name, "bin/node");
  if (existsSync(program)) return program;
  mkdirSync(home, { recursive: true });
  const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--force", `--cpu=${architecture}`];
  const result = spawnSync("npm", [...args, "--prefix", home, `${name}@${major}`], { encoding: "utf8" });
  if (result.status !== 0 || !existsSync(program)) {
    throw new Error(`fetch(${name}@${major}): ${result.stderr || result.error} – is the npm registry reachable?`);
  }
  return program;
}
