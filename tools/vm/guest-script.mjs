import { repositoryRoot } from "./cache.mjs";

/**
 * @typedef {object} ScriptOptions
 * @property {string} kernel
 * @property {readonly string[]} command
 * @property {string} cwd
 */

/**
 * Writes the shell script that becomes the command in the guest: same folder, and of the environment what programs need to
 * run the same way.
 *
 * @param {ScriptOptions} options
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string}
 */
export function guestScript({ kernel, command, cwd }, environment = process.env) {
  const passed = Object.entries(environment).filter(([name]) => /^(PATH|HOME|TERM|CI|NODE_\w+)$/.test(name));
  const variables = [...passed, ["KERNSCOPE_VM", kernel]].map(([name, value]) => `${name}=${value}`);
  return [
    ...hiddenFolders(cwd).map((folder) => {
      const [hidden, shown] = [quote(`/run/vm${folder}`), quote(folder)];
      return `mkdir -p ${shown} && mount --bind ${hidden} ${shown} || exit 126`;
    }),
    "umount /run/vm/tmp",
    `cd ${quote(cwd)} || exit 126`,
    `exec /usr/bin/env -i ${[...variables, ...command].map(quote).join(" ")}`,
    "",
  ].join("\n");
}

/** The folders that have to be seen through the tmpfs on the guest's /tmp. @param {string} cwd */
function hiddenFolders(cwd) {
  const folders =
    cwd === repositoryRoot || cwd.startsWith(`${repositoryRoot}/`) ? [repositoryRoot] : [repositoryRoot, cwd];
  return folders.filter((folder) => folder.startsWith("/tmp/"));
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
