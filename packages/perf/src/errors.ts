import { type FeatureName, featureTable } from "./feature-table.js";

/**
 * - `unsupported`: this system or kernel has not what is asked for
 * - `permission`: it has, but this process may not
 * - `not_found`: no such event, field, symbol, process or cgroup
 * - `invalid`: an argument is malformed or out of its range
 * - `busy`: something else holds what is needed
 * - `system`: a system call failed otherwise; `errno` says how
 * - `closed`: the monitor was closed
 */
export type PerfErrorCode = "unsupported" | "permission" | "not_found" | "invalid" | "busy" | "system" | "closed";

export interface PerfErrorDetails {
  /** What was tried: a system call or a method. */
  operation: string;
  /** What it was tried on, such as an event's name. */
  subject?: string | undefined;
  /** Name of the errno, such as `EACCES`, or a few words. */
  cause: string;
  /** How to mend it. */
  remedy?: string | undefined;
  errno?: string | undefined;
  cpu?: number | undefined;
  /** Of `unsupported`: what is not there, as `features()` names it. */
  feature?: FeatureName | undefined;
  /** The error below this one. */
  from?: unknown;
}

/** The one error class of this package. Its message reads `operation(subject, cpu N): cause – remedy`. */
export class PerfError extends Error {
  override readonly name = "PerfError";
  readonly code: PerfErrorCode;
  readonly operation: string;
  readonly subject: string | undefined;
  readonly errno: string | undefined;
  readonly cpu: number | undefined;
  readonly remedy: string | undefined;
  /** Of `unsupported`: what is not there, as `features()` names it; `undefined` where no feature is to blame. */
  readonly feature: FeatureName | undefined;
  /** The oldest kernel that has the feature, such as `6.0`. */
  readonly kernel: string | undefined;

  constructor(code: PerfErrorCode, details: PerfErrorDetails) {
    super(messageOf(details), details.from === undefined ? undefined : { cause: details.from });
    this.code = code;
    this.operation = details.operation;
    this.subject = details.subject;
    this.errno = details.errno;
    this.cpu = details.cpu;
    this.remedy = details.remedy;
    this.feature = details.feature;
    this.kernel = details.feature === undefined ? undefined : featureTable[details.feature].since;
  }
}

function messageOf({ operation, subject, cpu, cause, remedy }: PerfErrorDetails): string {
  const target = [subject, cpu === undefined ? undefined : `cpu ${cpu}`]
    .filter((part) => part !== undefined)
    .join(", ");
  return `${operation}(${target}): ${cause}${remedy === undefined ? "" : ` – ${remedy}`}`;
}
