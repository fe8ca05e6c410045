import { readFileSync } from "node:fs";

/** A function of the C library that every shell calls once, and that nearly nobody calls else: where to put a user probe. */
export function libraryCall(): { executable: string; symbol: string } {
  const path = /(\/\S*\/(?:libc\.so\.6|libc\.musl\S*|ld-musl\S*))$/m.exec(readFileSync("/proc/self/maps", "utf8"))?.[1];
  if (path === undefined) throw new Error("this program has no C library that is known here");
  return { executable: path, symbol: "getppid" };
}
