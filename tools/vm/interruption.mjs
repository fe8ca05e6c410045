import { constants } from "node:os";

/**
 * Turns the signals that would end this program at once into an abort, so that guests are ended and drafts removed first.
 *
 * @returns {{ signal: AbortSignal, status: () => number | undefined }} `status` is 128 + N once signal N has come, and
 *   counts a reader of standard output that went away as SIGPIPE.
 */
export function catchInterruption() {
  const abort = new AbortController();
  /** @type {number | undefined} */
  let status;
  /** @param {"SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE"} name */
  const interrupt = (name) => {
    status ??= 128 + constants.signals[name];
    abort.abort();
  };
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(name, () => interrupt(name));
  process.stdout.on("error", () => interrupt("SIGPIPE"));
  process.stderr.on("error", () => {});
  return { signal: abort.signal, status: () => status };
}
