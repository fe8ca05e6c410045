import { PerfNativeError } from "./errors.js";

/** Reads a clock of clock_gettime(2) (`Clock`): nanoseconds. */
export function clockNanos(_clockId: number): bigint {
  throw new PerfNativeError("unsupported", "clock_gettime");
}

/**
 * Mounts a new instance of a file system that is attached nowhere (fsopen(2), Linux 5.2) and returns a file descriptor of
 * its root: only this process sees it, at `/proc/self/fd/N`, and it is gone with the descriptor.
 */
export function mountDetached(_type: string): number {
  throw new PerfNativeError("unsupported", "fsopen");
}

/**
 * Copies another process's memory (process_vm_readv(2)) into `target`; returns the bytes read, which are fewer where the
 * range ends in memory that is not there.
 */
export function readProcessMemory(_pid: number, _address: bigint, _target: Uint8Array): number {
  throw new PerfNativeError("unsupported", "process_vm_readv");
}
