import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Unmounts what is mounted below a folder of a bed, the innermost first. */
export function unmountBelow(folder: string): void {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of mounts.reverse()) spawnSync("umount", ["-l", path]);
}
