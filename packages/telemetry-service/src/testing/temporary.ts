import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a test in a directory of its own, which is removed after. */
export function inTemporaryDirectory(body: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = await mkdtemp(join(tmpdir(), "kernscope-"));
    try {
      await body(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
}

/** Where the CPU is emulated, all takes many times longer. */
export const slowness = process.env.KERNSCOPE_VM ? 20 : 1;

/** Waits until `condition` holds; throws where it does not after so many seconds of a real CPU. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, seconds = 10): Promise<void> {
  const deadline = Date.now() + slowness * seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
