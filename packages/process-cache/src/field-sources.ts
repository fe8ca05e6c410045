import type { Follower } from "./follower.js";

/** By what a value is kept up to date between two execs. */
export interface FieldSource {
  readonly field: "creds" | "cwd" | "cgroup" | "command" | "exit";
  /**
   * - `kprobe`: a kernel probe
   * - `tracepoint`: the kernel's own events
   * - `calls`: /proc, asked after each system call that changed it
   * - `none`: changes are not seen
   */
  readonly source: "kprobe" | "tracepoint" | "calls" | "none";
  /** No kernel offers better. */
  readonly best: boolean;
  /** What is not seen, and how it could be; empty where it is the best. */
  readonly remark: string;
}

/** `missing`: tracepoints that the kernel lacks. */
export function fieldSources(follower: Pick<Follower, "sourceOf">, missing: readonly string[]): FieldSource[] {
  const lacking = (system: RegExp) => missing.filter((name) => system.test(name)).join(", ");
  return [
    followed("creds", follower, "credentials are those of the last exec"),
    followed("cwd", follower, "directories are those of the scan of /proc, or of the parent"),
    told("cgroup", lacking(/^cgroup\//), "paths are those that /proc shows"),
    told("command", lacking(/^task\/task_rename/), "names are those of the last exec"),
    told("exit", lacking(/^signal\//), "the signal that ended a process is not known"),
  ];
}

function followed(field: "creds" | "cwd", follower: Pick<Follower, "sourceOf">, otherwise: string): FieldSource {
  const source = follower.sourceOf(field);
  if (source === "kprobe") return { field, source, best: true, remark: "" };
  const probes = "kernel probes (CONFIG_KPROBE_EVENTS, BTF) would tell at the moment";
  if (source === "calls") {
    return { field, source, best: false, remark: `changes of tasks that end at once are missed; ${probes}` };
  }
  return { field, source: "none", best: false, remark: `${otherwise}: follow(${field}) sees changes; ${probes}` };
}

function told(field: "cgroup" | "command" | "exit", lacking: string, otherwise: string): FieldSource {
  if (lacking === "") return { field, source: "tracepoint", best: true, remark: "" };
  return { field, source: "none", best: false, remark: `${otherwise}: the kernel has no ${lacking}` };
}
