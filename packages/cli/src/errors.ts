/**
 * - `usage`: the command line is wrong
 * - `unavailable`: the service cannot be reached, or went away
 * - `refused`: the service does not give what was asked for
 */
export type CliErrorCode = "usage" | "unavailable" | "refused";

/** The one error class of this package, for the person at the terminal: operation(subject): cause – remedy. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
