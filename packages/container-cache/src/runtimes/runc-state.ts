import type { ContainerData } from "../container-info.js";
import { at, countAt, type Json, listAt, textAt, timeAt } from "./json.js";

/** What an OCI runtime keeps of a container that is read here. */
export interface OciState {
  readonly pid: number;
  /** Clock ticks from boot to the start of that process: field 22 of proc_pid_stat(5); `undefined` where not kept. */
  readonly startTick: number | undefined;
  readonly createdTime: ContainerData["createdTime"];
  readonly bundle: string;
  /** Folders of its cgroups by controller; version 2 has the empty name. */
  readonly cgroups: Readonly<Record<string, string>>;
  /** Path of its cgroup below the mount, where the runtime keeps that. */
  readonly cgroupPath: string;
}

/** Reads runc's state.json, or crun's status; `undefined` for what is neither. */
export function ociState(json: Json, id: string): OciState | undefined {
  return runcState(json, id) ?? crunState(json);
}

function runcState(json: Json, id: string): OciState | undefined {
  const pid = countAt(json, "init_process_pid");
  if (pid === undefined || textAt(json, "id") !== id) return undefined;
  const label = listAt(json, "config", "labels").find((text) => typeof text === "string" && text.startsWith("bundle="));
  const cgroups: Record<string, string> = {};
  const paths = at(json, "cgroup_paths");
  if (typeof paths === "object" && paths !== null) {
    for (const [name, path] of Object.entries(paths)) if (typeof path === "string") cgroups[name] = path;
  }
  return {
    pid,
    startTick: countAt(json, "init_process_start"),
    createdTime: timeAt(json, "created"),
    bundle: typeof label === "string" ? label.slice("bundle=".length) : "",
    cgroups,
    cgroupPath: "",
  };
}

function crunState(json: Json): OciState | undefined {
  const pid = countAt(json, "pid");
  const bundle = textAt(json, "bundle");
  if (pid === undefined || bundle === "") return undefined;
  return {
    pid,
    startTick: countAt(json, "process-start-time"),
    createdTime: timeAt(json, "created"),
    bundle,
    cgroups: {},
    cgroupPath: textAt(json, "cgroup-path"),
  };
}
