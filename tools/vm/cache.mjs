import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository these scripts stand in. */
export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Holds whatever the test bed downloads and builds. It can be removed at any time when no VM runs. */
export const cacheRoot = join(repositoryRoot, ".cache", "vm");

/**
 * Returns the folder of the cache called `name`, building it when it is missing. The folder appears complete or not at
 * all, and several processes may ask for it at once.
 *
 * @param {string} name Relative to `cacheRoot`; it has to change with everything that goes into the folder.
 * @param {(folder: string) => Promise<void>} build Fills an empty folder.
 * @returns {Promise<string>} Absolute path.
 */
export async function cached(name, build) {
  const folder = join(cacheRoot, name);
  if (existsSync(folder)) return folder;
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const draft = await mkdtemp(join(parent, `.draft-${process.pid}-`));
  try {
    await build(draft);
    await rename(draft, folder).catch((/** @type {NodeJS.ErrnoException} */ error) => {
      // Somebody else was first, with the same contents.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

/** Removes the drafts of builders that were killed. @param {string} parent */
async function removeAbandoned(parent) {
  for (const name of await readdir(parent)) {
    const pid = /^\.draft-(\d+)-/.exec(basename(name))?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}
