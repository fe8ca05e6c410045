import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program made for a test; disposing of it removes it. */
export interface CompiledProgram extends Disposable {
  readonly path: string;
}

/** Programs that were compiled before: on an emulated CPU, which sees the host's files, compiling takes long. */
const cache = fileURLToPath(new URL("../../../.cache/test-programs/", import.meta.url));

/**
 * Compiles one file of C for a test.
 *
 * @param flags put behind the file: options and libraries
 * @throws Error with the compiler's output
 */
export function compileProgram(name: string, source: string, flags: readonly string[] = []): CompiledProgram {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, name);
  const compiler = process.env.CC ?? "cc";
  const key = JSON.stringify([compiler, process.arch, source, flags]);
  const cached = join(cache, createHash("sha256").update(key).digest("hex"));
  if (existsSync(cached)) {
    copyFileSync(cached, path);
    return { path, [Symbol.dispose]: remove };
  }
  const file = join(folder, `${name}.c`);
  writeFileSync(file, source);
  try {
    execFileSync(compiler, ["-std=gnu11", "-Wall", "-O1", "-o", path, file, ...flags], { stdio: "pipe" });
  } catch (error) {
    remove();
    throw new Error(`${name}.c: ${(error as { stderr?: Buffer }).stderr ?? error}`, { cause: error });
  }
  // Under its name it is whole: others may look for it at the same time.
  mkdirSync(cache, { recursive: true });
  const fresh = `${cached}-${process.pid}`;
  copyFileSync(path, fresh);
  renameSync(fresh, cached);
  return { path, [Symbol.dispose]: remove };
}
