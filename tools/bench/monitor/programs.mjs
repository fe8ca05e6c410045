import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../../.cache/bench", import.meta.url));

/** Compiles `name`.c of a bench's folder, once for each text of it; returns the program's path. */
export function compiled(name, folder = import.meta.dirname) {
  const source = join(folder, `${name}.c`);
  const program = join(
    cache,
    `${name}-${createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12)}`,
  );
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const draft = `${program}.${process.pid}`;
  execFileSync(process.env.CC ?? "cc", ["-O2", "-Wall", "-Wextra", "-pthread", "-o", draft, source], {
    stdio: "inherit",
  });
  renameSync(draft, program);
  return program;
}
