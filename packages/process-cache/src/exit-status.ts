import type { ExitStatus } from "./process-events.js";

/** What of a sample record tells how a thread left. */
export interface ExitRegisters {
  readonly userRegistersAbi: number;
  userRegister(register: number): bigint | undefined;
}

/** How a thread left: the code that it gave to exit(2) or exit_group(2), 0 … 255, or one of these. */
export const ThreadEnd = { KILLED: -1, UNKNOWN: -2 } as const;

interface Architecture {
  /** Bits of the registers to sample. */
  readonly mask: number;
  threadEnd(record: ExitRegisters): number;
}

/** Bits of the user registers that {@link threadEnd} wants in a sample of `sched/sched_process_exit`; 0 for an unknown architecture. */
export function exitRegisterMask(architecture: string = process.arch): number {
  return architectures[architecture]?.mask ?? 0;
}

/**
 * Tells from the user registers at `sched/sched_process_exit` how a thread left. A program that spoils them on purpose
 * (exit by the 32-bit entry of a 64-bit x86 process) can lie about its code, not about having called exit.
 */
export function threadEnd(record: ExitRegisters, architecture: string = process.arch): number {
  return architectures[architecture]?.threadEnd(record) ?? ThreadEnd.UNKNOWN;
}

/** Numbers of asm/perf_regs.h and of the exit calls. */
const X86 = { AX: 0, BX: 1, DI: 5 } as const;
const ENOSYS = 38n;
const ARM_EXITS = { 1: [1n, 248n], 2: [93n, 94n] } as const;

const architectures: Record<string, Architecture> = {
  // The entry code puts −ENOSYS where the result will be; only a call that never returns leaves it there.
  x64: {
    mask: (1 << X86.AX) | (1 << X86.BX) | (1 << X86.DI),
    threadEnd(record) {
      const compat = record.userRegistersAbi === 1;
      const result = record.userRegister(X86.AX);
      const code = record.userRegister(compat ? X86.BX : X86.DI);
      if (result === undefined || code === undefined) return ThreadEnd.UNKNOWN;
      return BigInt.asIntN(compat ? 32 : 64, result) === -ENOSYS ? Number(code & 0xffn) : ThreadEnd.KILLED;
    },
  },
  // The number of the call is in x8 (r7 for 32 bits), its argument and result both in x0.
  arm64: {
    mask: (1 << 0) | (1 << 7) | (1 << 8),
    threadEnd(record) {
      const abi = record.userRegistersAbi === 1 ? 1 : 2;
      const number = record.userRegister(abi === 1 ? 7 : 8);
      const code = record.userRegister(0);
      if (number === undefined || code === undefined) return ThreadEnd.UNKNOWN;
      return ARM_EXITS[abi].some((exit) => exit === number) ? Number(code & 0xffn) : ThreadEnd.KILLED;
    },
  },
};

/** Signals whose default action dumps core (signal(7)); the numbers are the same on x86-64 and arm64. */
const CORE_SIGNALS = new Set([3, 4, 5, 6, 7, 8, 11, 24, 25, 31]);

export const SIGKILL = 9;

/** The status of a process that ended by itself. */
export function exited(code: number, certain = true): ExitStatus {
  return { status: code << 8, code, signal: 0, coreDumped: false, certain };
}

/** The status of a process that a signal ended. */
export function signaled(signal: number, certain = true, coreDumped?: boolean): ExitStatus {
  const dumped = coreDumped ?? (CORE_SIGNALS.has(signal) ? undefined : false);
  return { status: signal | (dumped ? 0x80 : 0), code: undefined, signal, coreDumped: dumped, certain };
}

/** The status of a process of which nothing is known but that it ended. */
export const unknownStatus: ExitStatus = Object.freeze({
  status: undefined,
  code: undefined,
  signal: undefined,
  coreDumped: undefined,
  certain: false,
});

/** Decodes a raw wait status. */
export function decodeWaitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? exited((status >> 8) & 0xff) : signaled(signal, true, (status & 0x80) !== 0);
}
