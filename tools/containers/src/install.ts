import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Where Debian's packages put the programs of the runtimes, and which package has each. */
export const programs = {
  dockerd: { path: "/usr/sbin/dockerd", package: "docker.io" },
  docker: { path: "/usr/bin/docker", package: "docker.io" },
  containerd: { path: "/usr/bin/containerd", package: "containerd" },
  ctr: { path: "/usr/bin/ctr", package: "containerd" },
  runc: { path: "/usr/sbin/runc", package: "runc" },
  crun: { path: "/usr/bin/crun", package: "crun" },
  podman: { path: "/usr/bin/podman", package: "podman" },
  conmon: { path: "/usr/bin/conmon", package: "conmon" },
  busybox: { path: "/bin/busybox", package: "busybox-static" },
} as const;

export type ProgramName = keyof typeof programs;

/** Seconds that another installation on this machine is waited for. */
const LOCK_TIMEOUT = 300;

/**
 * Installs what is missing of some programs where that can be done without asking: as root, with apt-get. Returns the
 * paths of all, whether they are there or not.
 */
export function provide(...names: readonly ProgramName[]): string[] {
  const missing = names.filter((name) => !existsSync(programs[name].path));
  if (missing.length > 0 && process.geteuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    const packages = [...new Set(missing.map((name) => programs[name].package))];
    apt("update", "-q");
    apt("install", "-q", "-y", "--no-install-recommends", ...packages);
  }
  return names.map((name) => programs[name].path);
}

function apt(...args: readonly string[]): void {
  const options = ["-o", `DPkg::Lock::Timeout=${LOCK_TIMEOUT}`];
  // A package must not start its daemon: the tests start their own, in folders of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { status, stderr } = spawnSync("apt-get", [...options, ...args], { env, encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) console.log(`apt-get ${args.join(" ")}: status ${status}\n${stderr}`);
}
