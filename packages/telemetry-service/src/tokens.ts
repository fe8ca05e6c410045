import { createHash, timingSafeEqual } from "node:crypto";

/** Characters of a token at the least: fewer could be tried through. */
const SHORTEST = 16;

/** Bearer tokens, by owner. They are held and compared as digests, in the same time whichever it is. */
export class Tokens {
  readonly #digests: readonly (readonly [owner: string, digest: Buffer])[];

  /**
   * @param text a line `OWNER TOKEN` each; empty ones and those that begin with # say nothing
   * @throws Error with what is wrong
   */
  constructor(text: string) {
    const lines = text.split("\n").map((line) => line.trim());
    this.#digests = lines.flatMap((line, index) => {
      if (line === "" || line.startsWith("#")) return [];
      const [owner, token, ...rest] = line.split(/\s+/);
      if (owner === undefined || token === undefined || rest.length > 0) {
        throw new Error(`line ${index + 1} is no OWNER TOKEN – write two words`);
      }
      if (token.length < SHORTEST) {
        throw new Error(`line ${index + 1}: the token is short – give ${SHORTEST} characters or more`);
      }
      return [[owner, digest(token)] as const];
    });
    if (this.#digests.length === 0) throw new Error("there is no token – write a line OWNER TOKEN");
  }

  /** Names whose token it is; undefined where it is nobody's. */
  ownerOf(token: string): string | undefined {
    const given = digest(token);
    let owner: string | undefined;
    for (const [name, expected] of this.#digests) if (timingSafeEqual(given, expected)) owner = name;
    return owner;
  }
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
