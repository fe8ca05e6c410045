import { readFileSync } from "node:fs";

/** Names of users by their ids, from /etc/passwd (passwd(5)); ids without a name are their own. */
export class UserNames {
  readonly #path: string;
  #names: Map<number, string> | undefined;

  constructor(path = "/etc/passwd") {
    this.#path = path;
  }

  nameOf(uid: number): string {
    this.#names ??= readNames(this.#path);
    return this.#names.get(uid) ?? `${uid}`;
  }
}

function readNames(path: string): Map<number, string> {
  const names = new Map<number, string>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // A container may have no such file; ids say enough.
    return names;
  }
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":");
    if (name && uid && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
