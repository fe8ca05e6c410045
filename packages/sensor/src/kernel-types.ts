import { Btf, PerfError } from "@kernscope/perf";

/**
 * The kernel's structs and functions, as far as probes are made of them. Each is looked for once in the life of a program,
 * as each search goes through all types.
 */
export class KernelTypes {
  static #running: Promise<KernelTypes> | undefined;
  readonly #btf: Btf;
  readonly #known = new Map<string, unknown>();

  /** Those of the running kernel. */
  static open(): Promise<KernelTypes> {
    KernelTypes.#running ??= Btf.open().then((btf) => new KernelTypes(btf));
    return KernelTypes.#running;
  }

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /**
   * Bytes from the start of a struct to one of its members.
   *
   * @throws PerfError `not_found`
   */
  offset(struct: string, member: string): number {
    const id = this.#once(`struct ${struct}`, () => this.#btf.find(struct, ["struct"])[0]);
    if (id === undefined)
      throw new PerfError("not_found", { operation: "kernelTypes", subject: struct, cause: "no such struct" });
    return this.#once(`${struct}.${member}`, () => this.#btf.member(id, member).offset);
  }

  /**
   * The names of a function's parameters.
   *
   * @throws PerfError `not_found`
   */
  parameters(name: string): readonly string[] {
    return this.#once(`${name}()`, () => this.#btf.function(name).parameters.map((parameter) => parameter.name));
  }

  #once<T>(key: string, look: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, look());
    return this.#known.get(key) as T;
  }
}
