/** Exit statuses of the program. */
export const ExitStatus = { OK: 0, FAILED: 1, USAGE: 2 } as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** Something that the person at the terminal can mend. Its message is one line that says what and how. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly status: ExitStatus;

  constructor(message: string, status: ExitStatus = ExitStatus.FAILED) {
    super(message);
    this.status = status;
  }
}
