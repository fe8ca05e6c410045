import { readFile } from "node:fs/promises";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";

/** A line of /proc/kallsyms. */
export interface KernelSymbol {
  /** As the kernel has it, with what the compiler put behind it (`.constprop.0`). */
  readonly name: string;
  /** 0n where `kernel.kptr_restrict` hides it. */
  readonly address: bigint;
  /** A letter of nm(1); `t` and `T` are code. */
  readonly type: string;
  /** `undefined`: in the kernel itself. */
  readonly module: string | undefined;
}

export interface SymbolQuery {
  /** Only those of this module; `""`: of the kernel itself. */
  module?: string;
}

/** Parts of a function, and not where it is entered. */
const PARTIAL = /\.(?:cold|part)\b/;
const SPACE = 0x20;
const NEWLINE = 0x0a;
const TAB = 0x09;
const DOT = 0x2e;

/** The functions and variables of the running kernel and its modules, at the moment they were read. */
export class KernelSymbols {
  readonly #text: Buffer;

  /** @throws PerfError */
  static async open(path = "/proc/kallsyms"): Promise<KernelSymbols> {
    try {
      return new KernelSymbols(await readFile(path));
    } catch (error) {
      throw toPerfError(error, "open", path);
    }
  }

  /** @param text as /proc/kallsyms has it */
  constructor(text: Uint8Array) {
    this.#text = Buffer.from(text.buffer, text.byteOffset, text.length);
  }

  /** All symbols of exactly this name: several where files have functions of the same name. */
  lookup(name: string, { module }: SymbolQuery = {}): KernelSymbol[] {
    return this.#find(name, module).filter((symbol) => symbol.name === name);
  }

  /**
   * The functions that a source's function `name` has become: itself, and what the compiler made of it by changing its
   * arguments (`.isra.0`), specialising it (`.constprop.0`) or renaming it (`.llvm.123`). Parts that were moved
   * elsewhere (`.cold`, `.part.0`) are left out: their entry is not the function's.
   */
  variants(name: string, { module }: SymbolQuery = {}): KernelSymbol[] {
    return this.#find(name, module).filter((symbol) => isCode(symbol) && !PARTIAL.test(symbol.name.slice(name.length)));
  }

  /**
   * The first of several names that the kernel has as one function, such as the names that a function had in the course of
   * time. Variants whose arguments may differ do not count.
   *
   * @throws PerfError `not_found`, or `invalid` where several functions have the name
   */
  resolve(names: string | readonly string[], query: SymbolQuery = {}): KernelSymbol {
    const all = [names].flat();
    for (const name of all) {
      const [symbol, ...others] = this.lookup(name, query).filter(isCode);
      if (symbol === undefined) continue;
      if (others.length === 0) return symbol;
      throw new PerfError("invalid", {
        operation: "kernelSymbol",
        subject: name,
        cause: `${others.length + 1} functions have this name: ${[symbol, ...others].map(describe).join(", ")}`,
        remedy: "give the module or the address",
      });
    }
    const variants = all.flatMap((name) => this.variants(name, query)).map(describe);
    throw new PerfError("not_found", {
      operation: "kernelSymbol",
      subject: all.join(", "),
      cause: "the kernel has no such function",
      remedy:
        variants.length === 0
          ? undefined
          : `it has ${variants.join(", ")}, whose arguments may not be those of the source`,
    });
  }

  /** Symbols whose name is `name`, or that and a dot and more. */
  #find(name: string, module: string | undefined): KernelSymbol[] {
    const text = this.#text;
    const found: KernelSymbol[] = [];
    if (!/^[\w.$]+$/.test(name)) return found;
    const needle = Buffer.from(` ${name}`);
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
      const end = text[at + needle.length] ?? NEWLINE;
      if (end !== NEWLINE && end !== TAB && end !== DOT) continue;
      const symbol = this.#symbolAt(at);
      if (symbol !== undefined && (module === undefined || module === (symbol.module ?? ""))) found.push(symbol);
    }
    return found;
  }

  /** The symbol whose name begins behind the space at `at`. */
  #symbolAt(at: number): KernelSymbol | undefined {
    const text = this.#text;
    // A space before the name and one before the type: else this is the name's module or part of it.
    if (text[at - 2] !== SPACE) return undefined;
    const start = text.lastIndexOf(NEWLINE, at) + 1;
    const newline = text.indexOf(NEWLINE, at);
    const line = text.toString("latin1", start, newline < 0 ? text.length : newline);
    const [, address = "", type = "", name = "", module] = /^([0-9a-f]+) (\S) (\S+)(?:\s+\[(.+)\])?$/.exec(line) ?? [];
    return address === "" ? undefined : { name, address: BigInt(`0x${address}`), type, module };
  }
}

function isCode({ type }: KernelSymbol): boolean {
  return /[tTwW]/.test(type);
}

function describe({ name, module, address }: KernelSymbol): string {
  return `${module === undefined ? "" : `${module}:`}${name}${address === 0n ? "" : ` (0x${address.toString(16)})`}`;
}
