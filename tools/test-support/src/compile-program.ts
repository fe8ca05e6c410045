import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program made for a test; disposing of it removes it. */
export interface CompiledProgram extends Disposable {
  readonly path: string;
}

/**
 * Compiles one file of C for a test.
 *
 * @throws Error with the compiler's output
 */
export function compileProgram(name: string, source: string, flags: readonly string[] = []): CompiledProgram {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const file = join(folder, `${name}.c`);
  const path = join(folder, name);
  writeFileSync(file, source);
  try {
    execFileSync(process.env.CC ?? "cc", ["-std=gnu11", "-Wall", "-O1", ...flags, "-o", path, file], { stdio: "pipe" });
  } catch (error) {
    remove();
    throw new Error(`${name}.c: ${(error as { stderr?: Buffer }).stderr ?? error}`, { cause: error });
  }
  return { path, [Symbol.dispose]: remove };
}
