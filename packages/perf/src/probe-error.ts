import { errnoError } from "./errno.js";
import { PerfError } from "./errors.js";
import type { Tracing } from "./tracing.js";

/** Makes a refused probe's error say what the kernel noted about it in tracefs's error_log (Linux 5.2). */
export async function explainProbeError(
  error: PerfError,
  tracing: Tracing,
  event: string,
  subject: string,
): Promise<PerfError> {
  const { operation, errno } = error;
  if (errno === undefined) return error;
  const note = findNote(await tracing.read("error_log").catch(() => ""), event);
  // Since 6.6 a symbol that is not there is EINVAL.
  const meaning = note === "Invalid probed address or symbol" ? "ENOENT" : errno;
  const { code, remedy } = errnoError(operation, subject, meaning);
  const cause = note === undefined ? errno : `${errno}: ${note}`;
  return new PerfError(code, { operation, subject, cause, errno, remedy, from: error });
}

/** The last note about a command that names `event`. */
export function findNote(log: string, event: string): string | undefined {
  let note: string | undefined;
  let latest: string | undefined;
  for (const line of log.split("\n")) {
    const said = /^\[[^\]]*\] \w+: error: (.*)$/.exec(line)?.[1];
    if (said !== undefined) note = said.trim();
    else if (note !== undefined && line.trimStart().startsWith("Command:") && line.includes(event)) latest = note;
  }
  return latest;
}
