import { type EventAttr, packAttr } from "./attr.js";
import { binding, called, errnoName } from "./binding.js";

/** Reads a clock of clock_gettime(2) (`Clock`): nanoseconds. */
export function clockNanos(clockId: number): bigint {
  return binding().clockNanos(clockId);
}

/**
 * Mounts a new instance of a file system that is attached nowhere (fsopen(2), Linux 5.2) and returns a file descriptor of
 * its root: only this process sees it, at `/proc/self/fd/N`, and it is gone with the descriptor.
 *
 * @throws PerfNativeError `system`: EPERM without CAP_SYS_ADMIN, ENODEV where the kernel lacks the file system
 */
export function mountDetached(type: string): number {
  return called(() => binding().mountDetached(type));
}

/**
 * Whether the kernel would open an event: it is opened switched off, and closed at once. Returns the name of the errno
 * that it answers, `undefined` for none.
 *
 * @param pid 0: this thread; -1: all, on `cpu`
 * @param cpu -1: any
 */
export function tryEvent(attr: EventAttr, pid: number, cpu: number): string | undefined {
  const disabled = { ...attr, flags: { ...attr.flags, disabled: true } };
  const errno = called(() => binding().tryEvent(packAttr(disabled), pid, cpu));
  return errno === 0 ? undefined : errnoName(errno);
}

/** Gives back what {@link mountDetached} returned; a worker thread's `fs.close` would warn that it never opened it. */
export function closeDescriptor(descriptor: number): void {
  called(() => binding().closeDescriptor(descriptor));
}

/**
 * Copies another process's memory (process_vm_readv(2)) into `target`; returns the bytes read, which are fewer where the
 * range ends in memory that is not there.
 *
 * @throws PerfNativeError `system`: ESRCH when the process is gone, EFAULT when nothing could be read
 */
export function readProcessMemory(pid: number, address: bigint, target: Uint8Array): number {
  return called(() => binding().readProcessMemory(pid, address, target));
}
