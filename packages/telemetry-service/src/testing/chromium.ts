import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export const chromiumPath = "/usr/bin/chromium";

/** Installs Debian's Chromium where it is missing, this is root, and there is apt. */
export function installChromium(): void {
  if (existsSync(chromiumPath) || process.geteuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["-o", "DPkg::Lock::Timeout=300", "-y", "--no-install-recommends"];
  const install = () =>
    spawnSync("apt-get", ["install", ...options, "chromium"], { env, stdio: "ignore" }).status === 0;
  // A machine that was never updated has no lists of packages.
  if (!install() && spawnSync("apt-get", ["update"], { env, stdio: "ignore" }).status === 0) install();
}

/** Opens a page without a window. `profile` is an empty directory. */
export function openInChromium(url: string, profile: string): ChildProcess {
  const quiet = ["background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage"];
  const flags = ["--headless", "--no-sandbox", "--no-first-run", ...quiet.map((name) => `--disable-${name}`)];
  // A group of its own, since it starts processes that must end with it.
  return spawn(chromiumPath, [...flags, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
}
