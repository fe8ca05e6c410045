import { readFileSync } from "node:fs";
import { printable } from "./printable.js";

/** Names of users. */
export class UserNames {
  readonly #names: ReadonlyMap<number, string>;

  /** @param passwd text of passwd(5); of several names of a user the first counts */
  constructor(passwd: string) {
    const names = new Map<number, string>();
    for (const line of passwd.split("\n")) {
      const [name = "", , uid = ""] = line.split(":");
      if (name !== "" && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), printable(name));
    }
    this.#names = names;
  }

  /** The users of this host, as far as they are in /etc/passwd. */
  static ofThisHost(): UserNames {
    try {
      return new UserNames(readFileSync("/etc/passwd", "utf8"));
    } catch {
      // Users are numbers then.
      return new UserNames("");
    }
  }

  /** Returns the name, or the number where there is none. */
  nameOf(uid: number): string {
    return this.#names.get(uid) ?? String(uid);
  }
}
