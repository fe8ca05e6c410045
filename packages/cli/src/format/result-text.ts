import { constants } from "node:os";

/** Names of errno, by their numbers on this host. */
const errnos = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
/** The highest errno that a system call returns: MAX_ERRNO in include/linux/err.h. */
const MAX_ERRNO = 4095n;

/** What a system call returned: a number, or the error's name. */
export function resultText(result: bigint): string {
  if (result >= 0n || result < -MAX_ERRNO) return String(result);
  return errnos.get(Number(-result)) ?? `error ${-result}`;
}
