/**
 * - `invalid`: the request contradicts itself or asks for nothing
 * - `unimplemented`: this version does not serve what is asked for
 * - `permission`: this process may not watch the host
 * - `unsupported`: this system or kernel has not what is asked for
 * - `closed`: the sensor was stopped
 * - `system`: something failed that should not; `cause` says what
 */
export type SensorErrorCode = "invalid" | "unimplemented" | "permission" | "unsupported" | "closed" | "system";

/** The one error class of this package. Its message reads `operation(subject): cause – remedy`. */
export class SensorError extends Error {
  override readonly name = "SensorError";
  readonly code: SensorErrorCode;

  constructor(code: SensorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Takes the errors of the packages below over: their codes where they say the same, their messages as they are. */
export function toSensorError(error: unknown): SensorError {
  if (error instanceof SensorError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const kept = code === "permission" || code === "unsupported" || code === "closed" ? code : "system";
  return new SensorError(kept, String(message ?? error), { cause: error });
}
