/**
 * - `unsupported`: this kernel or system does not offer what the cache is built on
 * - `invalid`: an argument is out of its range
 * - `system`: a read of /proc failed in a way that the cache cannot go on with; `cause` says how
 * - `closed`: the cache was closed
 */
export type ProcessCacheErrorCode = "unsupported" | "invalid" | "system" | "closed";

/** The one error class of this package. Its message reads `operation(subject): cause – remedy`. */
export class ProcessCacheError extends Error {
  override readonly name = "ProcessCacheError";
  readonly code: ProcessCacheErrorCode;

  constructor(code: ProcessCacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
