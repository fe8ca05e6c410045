/**
 * - `unsupported`: this kernel or system does not offer what the cache is built on
 * - `invalid`: an argument is out of its range
 * - `runtime`: a container runtime did not answer, or answered nonsense; `cause` says how
 * - `closed`: the cache was closed
 */
export type ContainerCacheErrorCode = "unsupported" | "invalid" | "runtime" | "closed";

/** The one error class of this package. Its message reads `operation(subject): cause – remedy`. */
export class ContainerCacheError extends Error {
  override readonly name = "ContainerCacheError";
  readonly code: ContainerCacheErrorCode;

  constructor(code: ContainerCacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
