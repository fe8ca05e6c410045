/**
 * - `unsupported`: this system, kernel or build has not what is asked for
 * - `system`: a system call failed; `errno` says how
 * - `invalid`: an argument is out of its range
 * - `closed`: the source was closed
 */
export type PerfNativeErrorCode = "unsupported" | "system" | "invalid" | "closed";

export interface PerfNativeErrorDetails {
  /** Name of the errno, such as `EACCES`. */
  errno?: string;
  /** The system call or step that failed, such as `perf_event_open`. */
  operation?: string;
  cpu?: number;
  pid?: number;
}

export class PerfNativeError extends Error {
  override readonly name = "PerfNativeError";
  readonly code: PerfNativeErrorCode;
  readonly errno: string | undefined;
  readonly operation: string | undefined;
  readonly cpu: number | undefined;
  readonly pid: number | undefined;

  constructor(code: PerfNativeErrorCode, message: string, details: PerfNativeErrorDetails = {}) {
    super(message);
    this.code = code;
    this.errno = details.errno;
    this.operation = details.operation;
    this.cpu = details.cpu;
    this.pid = details.pid;
  }
}
