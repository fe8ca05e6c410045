import { Btf, fetchMember } from "@kernscope/perf";

/** The kernel's structs and functions, as far as probes are made of them. Each is looked for once: it takes 20 ms. */
export class KernelTypes {
  readonly #btf: Btf;
  readonly #known = new Map<string, unknown>();

  static async open(): Promise<KernelTypes> {
    return new KernelTypes(await Btf.open());
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
    return this.#once(`${struct}.${member}`, () => this.#btf.member(struct, member).offset);
  }

  /**
   * The fetch expression of a struct's member; `start` is one that gives the struct's address.
   *
   * @throws PerfError `not_found`, `invalid`
   */
  fetch(start: string, struct: string, member: string): string {
    return this.#once(`${start} ${struct}.${member}`, () => fetchMember(this.#btf, start, struct, member));
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
