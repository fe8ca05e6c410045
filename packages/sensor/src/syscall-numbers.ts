import { arm64Syscalls, type SyscallRun, x64Syscalls } from "./syscall-tables.js";
import { armSyscalls, ia32Syscalls } from "./syscall-tables-32.js";

interface Table {
  /** By number. */
  readonly names: readonly (string | undefined)[];
  readonly numbers: ReadonlyMap<string, number>;
}

const runs = { x64: x64Syscalls, arm64: arm64Syscalls, ia32: ia32Syscalls, arm: armSyscalls } as const;
const tables = new Map<string, Table>();

/** Architectures whose system calls have names here; as `process.arch` calls them. */
export type SyscallArchitecture = keyof typeof runs;

/** The architecture whose table the calls of 32-bit programs go through, on a 64-bit host. */
export function compatArchitecture(architecture: string = process.arch): SyscallArchitecture | undefined {
  if (architecture === "x64") return "ia32";
  return architecture === "arm64" ? "arm" : undefined;
}

/** The name of a system call, such as `openat`; `undefined` for a number without one. */
export function syscallName(number: number, architecture: string = process.arch): string | undefined {
  return syscallNames(architecture)[number];
}

/** The names of an architecture's system calls by their numbers; empty where they are not known. */
export function syscallNames(architecture: string = process.arch): readonly (string | undefined)[] {
  return tableOf(architecture)?.names ?? [];
}

/** The number of a system call, in the table of an architecture. */
export function syscallNumber(name: string, architecture: string = process.arch): number | undefined {
  return tableOf(architecture)?.numbers.get(name);
}

/** What the tracepoints of a call are named after where it is not the call's name: the kernel's function for it. */
const functions: Readonly<Record<string, string>> = {
  stat: "newstat",
  fstat: "newfstat",
  lstat: "newlstat",
  uname: "newuname",
  sendfile: "sendfile64",
  umount2: "umount",
};

/** The tracepoint of a call's entry or exit, which a kernel may have. */
export function syscallTracepoint(number: number, side: "enter" | "exit"): string | undefined {
  const name = syscallName(number);
  return name === undefined ? undefined : `syscalls/sys_${side}_${functions[name] ?? name}`;
}

function tableOf(architecture: string): Table | undefined {
  const known = tables.get(architecture);
  if (known !== undefined || !Object.hasOwn(runs, architecture)) return known;
  const table = readRuns(runs[architecture as SyscallArchitecture]);
  tables.set(architecture, table);
  return table;
}

function readRuns(list: readonly SyscallRun[]): Table {
  const names: (string | undefined)[] = [];
  for (const [first, text] of list) {
    // No holes: an array that has some is slower to read.
    while (names.length < first) names.push(undefined);
    names.push(...text.trim().split(/\s+/));
  }
  const numbers = new Map(names.flatMap((name, number) => (name === undefined ? [] : [[name, number] as const])));
  return { names, numbers };
}
