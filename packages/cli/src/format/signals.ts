import { constants } from "node:os";

const names = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
// The aliases come later in the table, the common names are better known.
for (const name of ["SIGABRT", "SIGIO", "SIGCHLD"] as const) {
  const number = (constants.signals as Record<string, number>)[name];
  if (number !== undefined) names.set(number, name);
}
const SIGRTMIN = 34;

/** Name of a signal, such as `SIGKILL`; `SIGRTMIN+1` for real-time signals (signal(7)). */
export function signalName(number: number): string {
  if (number >= SIGRTMIN && number <= 64) return number === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${number - SIGRTMIN}`;
  return names.get(number) ?? `signal ${number}`;
}
