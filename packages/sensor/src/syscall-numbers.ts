import { arm64Syscalls, x64Syscalls } from "./syscall-tables.js";

interface Table {
  readonly names: ReadonlyMap<number, string>;
  readonly numbers: ReadonlyMap<string, number>;
}

const runs = { x64: x64Syscalls, arm64: arm64Syscalls } as const;
const tables = new Map<string, Table>();

/** Architectures whose system calls have names here; as `process.arch` calls them. */
export type SyscallArchitecture = keyof typeof runs;

/** The name of a system call, such as `openat`; `undefined` for a number without one. */
export function syscallName(number: number, architecture: string = process.arch): string | undefined {
  return tableOf(architecture)?.names.get(number);
}

/** The number of a system call, in the 64-bit table of an architecture. */
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
  const names = new Map<number, string>();
  for (const [first, text] of runs[architecture as SyscallArchitecture]) {
    for (const [at, name] of text.trim().split(/\s+/).entries()) names.set(first + at, name);
  }
  const table = { names, numbers: new Map([...names].map(([number, name]) => [name, number])) };
  tables.set(architecture, table);
  return table;
}
