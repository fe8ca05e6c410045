import { type Cred, credOfStatus } from "./credentials.js";

/** What /proc/PID/stat says (proc_pid_stat(5)). */
export interface ProcStat {
  readonly pid: number;
  /** Name, at most 15 bytes; a kernel thread's can be longer. */
  readonly command: string;
  /** One letter: `R`, `S`, `D`, `Z` (ended, not yet waited for), `T`, `t`, `X`, `I`. */
  readonly state: string;
  /** The parent now: after the real one ended this is who took its place. */
  readonly parentPid: number;
  /** Bits of `PF_…` in include/linux/sched.h. */
  readonly flags: number;
  /** Threads of the process that have not ended. */
  readonly threads: number;
  /** Clock ticks since boot, in this process's time namespace. */
  readonly startTick: number;
  /**
   * Address where execve(2) put the stack pointer: text, since only equality means anything. `"0"` where the reader may
   * not know it.
   */
  readonly startStack: string;
  /** Address after the arguments; `"0"` as above. */
  readonly argumentsEnd: string;
  /** Wait status of an ended task; 0 where the reader may not know it. */
  readonly exitCode: number;
}

/** `PF_KTHREAD` of include/linux/sched.h. */
export const PF_KTHREAD = 0x0020_0000;

/** Where the fields of the line begin that was parsed last: field N at `starts[N]`, its end one before `starts[N + 1]`. */
const starts = new Int32Array(54);

/** Parses /proc/PID/stat; `undefined` where it does not have the form of one. */
export function parseStat(bytes: Buffer): ProcStat | undefined {
  // A name may hold anything, blanks, brackets and newlines included; nothing after it holds a bracket.
  const open = bytes.indexOf(0x28);
  const close = bytes.lastIndexOf(0x29);
  if (open < 2 || close < open) return undefined;
  let field = 3;
  starts.fill(bytes.length);
  starts[3] = close + 2;
  // A scan reads two of these for each process of the host: no string is made of what nobody asks for.
  for (let at = close + 2; at < bytes.length && field < 53; at++) if (bytes[at] === 0x20) starts[++field] = at + 1;
  const text = (number: number) => bytes.toString("latin1", starts[number], (starts[number + 1] ?? 0) - 1);
  const [pid, startTick] = [Number(bytes.toString("latin1", 0, open)), Number(text(22) || "x")];
  if (field < 22 || !Number.isInteger(pid) || !Number.isInteger(startTick)) return undefined;
  return {
    pid,
    command: bytes.toString("utf8", open + 1, close),
    state: text(3),
    parentPid: Number(text(4)),
    flags: Number(text(9)),
    threads: Number(text(20)),
    startTick,
    startStack: text(28),
    argumentsEnd: text(49),
    exitCode: Number.parseInt(text(52), 10) || 0,
  };
}

/** Field 22 of /proc/PID/stat alone, the start time: what {@link parseStat} says in a third of the time. */
export function parseStartTick(bytes: Buffer): number | undefined {
  let at = bytes.lastIndexOf(0x29) + 1;
  if (at === 0) return undefined;
  for (let field = 2; field < 22; field++) {
    at = bytes.indexOf(0x20, at) + 1;
    if (at === 0) return undefined;
  }
  let tick = 0;
  for (let digit = bytes[at] ?? 0; digit >= 0x30 && digit <= 0x39; digit = bytes[++at] ?? 0)
    tick = tick * 10 + digit - 0x30;
  return bytes[at] === 0x20 ? tick : undefined;
}

/** What of /proc/PID/status (proc_pid_status(5)) is used. */
export interface ProcStatus {
  readonly tgid: number;
  readonly parentPid: number;
  readonly creds: Cred | undefined;
}

/** Parses /proc/PID/status; `undefined` where it does not have the form of one. */
export function parseStatus(bytes: Buffer): ProcStatus | undefined {
  // The kernel escapes a newline in the name, so a line's start is what it seems.
  const text = bytes.toString("latin1");
  const numbers = (key: string) => {
    const start = text.indexOf(`\n${key}:`);
    if (start < 0) return [];
    const end = text.indexOf("\n", start + 1);
    const values = text.slice(start + key.length + 2, end < 0 ? undefined : end).trim();
    return values === "" ? [] : values.split("\t").map(Number);
  };
  const tgid = numbers("Tgid")[0];
  if (tgid === undefined) return undefined;
  return {
    tgid,
    parentPid: numbers("PPid")[0] ?? 0,
    creds: credOfStatus(numbers("Uid"), numbers("Gid")),
  };
}

/** Splits /proc/PID/cmdline; what lies behind the last NUL counts as an argument if it is not empty. */
export function parseCommandLine(bytes: Buffer): string[] {
  if (bytes.length === 0) return [];
  const end = bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length;
  return bytes.toString("utf8", 0, end).split("\0");
}

/** One line of /proc/PID/cgroup (cgroups(7)). */
export interface ProcCgroup {
  /** 0: the unified hierarchy. */
  readonly hierarchy: number;
  /** Controllers and `name=` of a version 1 hierarchy; empty for the unified one. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/** Parses /proc/PID/cgroup. */
export function parseCgroups(bytes: Buffer): ProcCgroup[] {
  const cgroups: ProcCgroup[] = [];
  for (const line of bytes.toString("utf8").split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 1 || second < 0) continue;
    const controllers = line.slice(first + 1, second);
    cgroups.push({
      hierarchy: Number(line.slice(0, first)),
      controllers: controllers === "" ? [] : controllers.split(","),
      path: line.slice(second + 1),
    });
  }
  return cgroups;
}

/** The cgroup that perf events know the task by: of the `perf_event` controller if version 1 has it, else the unified one. */
export function perfCgroupPath(cgroups: readonly ProcCgroup[]): string | undefined {
  const chosen =
    cgroups.find(({ controllers }) => controllers.includes("perf_event")) ??
    cgroups.find(({ hierarchy }) => hierarchy === 0);
  return chosen?.path;
}
