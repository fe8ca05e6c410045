import { type ElfFile, type ElfSection, stringAt } from "./elf-file.js";
import { PerfError } from "./errors.js";

/** A function in an ELF file. */
export interface ElfSymbol {
  /** Without its version. */
  readonly name: string;
  readonly version: string | undefined;
  /** Whether its version is the one meant where none is named (`foo@@V`); true where it has none. */
  readonly isDefault: boolean;
  /** As linked. */
  readonly address: bigint;
  /** Bytes; 0n where unknown. */
  readonly size: bigint;
  /** Seen by its own file alone. */
  readonly local: boolean;
  /** Its code chooses, at run time, the function that is then called (STT_GNU_IFUNC). */
  readonly indirect: boolean;
}

const SectionType = { SYMTAB: 2, DYNSYM: 11, VERDEF: 0x6fff_fffd, VERSYM: 0x6fff_ffff } as const;
const SymbolType = { NOTYPE: 0, FUNC: 2, GNU_IFUNC: 10 } as const;
/** Versions have numbers of 15 bits. */
const MAX_VERSIONS = 0x8000;
/** Functions of one name that are told apart; a file that has more is refused. */
const MAX_SYMBOLS = 4096;
/** Functions of one name that an error lists. */
const MAX_LISTED = 8;
/** Bytes of a table that are looked through before other work gets its turn: a millisecond, before V8 has optimised it. */
const TURN = 32 * 1024;
/** A version that is not the default one. */
const HIDDEN = 0x8000;

/**
 * The functions called `name` (`foo`, or `foo@V` and `foo@@V` for those of one version) in the symbol tables of a file,
 * each address once.
 */
export async function findElfSymbols(file: ElfFile, name: string): Promise<ElfSymbol[]> {
  const [wanted = "", ...versions] = name.split(/@@?/);
  const version = versions.join("@") || undefined;
  const found = new Map<bigint, ElfSymbol>();
  // A file has one table of each.
  const tables = [SectionType.SYMTAB, SectionType.DYNSYM].map((type) =>
    file.sections.find((each) => each.type === type),
  );
  for (const section of tables) {
    for (const symbol of section === undefined ? [] : await searchTable(file, section, wanted)) {
      // The table of dynamic symbols knows versions that the other one need not have.
      if (found.get(symbol.address)?.version === undefined) found.set(symbol.address, symbol);
    }
  }
  return [...found.values()].filter((symbol) => version === undefined || symbol.version === version);
}

/**
 * The one function that `name` means: of several the default version, then the one that other files see.
 *
 * @throws PerfError `not_found`, `invalid` (several), `unsupported` (chosen at run time)
 */
export function chooseElfSymbol(symbols: readonly ElfSymbol[], name: string, path: string): ElfSymbol {
  const subject = `${path}, ${name}`;
  const versioned = symbols.filter(({ isDefault }) => isDefault);
  const candidates = versioned.length > 0 ? versioned : symbols;
  const visible = candidates.filter(({ local }) => !local);
  const [symbol, ...others] = visible.length > 0 ? visible : candidates;
  if (symbol === undefined) {
    throw new PerfError("not_found", {
      operation: "symbol",
      subject,
      cause: "no such function in its symbol tables",
      remedy: "a stripped file has only what it exports: install its debug symbols, or give an offset",
    });
  }
  if (others.length > 0) {
    const list = [symbol, ...others].slice(0, MAX_LISTED).map(({ address }) => `0x${address.toString(16)}`);
    const more = others.length < MAX_LISTED ? "" : ", …";
    const cause = `${others.length + 1} functions have this name, at ${list.join(", ")}${more}`;
    throw new PerfError("invalid", { operation: "symbol", subject, cause, remedy: "give an offset" });
  }
  if (symbol.indirect) {
    const cause = "it is chosen among several when the program starts (IFUNC)";
    throw new PerfError("unsupported", { operation: "symbol", subject, cause, remedy: "name one of them" });
  }
  return symbol;
}

/** Goes through the table piece by piece: those of great programs have hundreds of thousands of symbols. */
async function searchTable(file: ElfFile, section: ElfSection, name: string): Promise<ElfSymbol[]> {
  const { words } = file;
  const [entry, at] =
    words.bits === 64
      ? [24, { info: 4, index: 6, value: 8, size: 16 }]
      : [16, { info: 12, index: 14, value: 4, size: 8 }];
  const strings = await file.strings(section);
  const bytes = Buffer.from(name);
  const found: ElfSymbol[] = [];
  let versionOf: VersionOf | undefined;
  const most = TURN - (TURN % entry);
  for (let from = 0; from + entry <= section.size; from += most) {
    const table = await file.part(section, from, Math.min(most, section.size - from));
    for (let start = 0; start + entry <= table.length; start += entry) {
      const info = table[start + at.info] ?? 0;
      const type = info & 15;
      if (type !== SymbolType.FUNC && type !== SymbolType.GNU_IFUNC && type !== SymbolType.NOTYPE) continue;
      const nameAt = words.u32(table, start);
      if (!isNamed(strings, nameAt, bytes) || words.u16(table, start + at.index) === 0) continue;
      if (found.length === MAX_SYMBOLS) {
        const cause = `more than ${MAX_SYMBOLS} symbols have this name`;
        throw new PerfError("invalid", { operation: "symbol", subject: name, cause, remedy: "give an offset" });
      }
      versionOf ??= section.type === SectionType.DYNSYM ? await readVersions(file) : noVersions;
      const written = stringAt(strings, nameAt + bytes.length);
      const version =
        written === ""
          ? await versionOf((from + start) / entry)
          : { version: written.replace(/^@@?/, ""), isDefault: written[1] === "@" };
      found.push({
        name,
        ...(version ?? unversioned),
        address: words.word(table, start + at.value),
        size: words.word(table, start + at.size),
        local: info >> 4 === 0,
        indirect: type === SymbolType.GNU_IFUNC,
      });
    }
  }
  return found;
}

/** Whether the string at `at` is `name`, alone or with a version behind it. */
function isNamed(strings: Buffer, at: number, name: Buffer): boolean {
  const end = at + name.length;
  if (end >= strings.length || strings[at] !== name[0] || strings.compare(name, 0, name.length, at, end) !== 0)
    return false;
  return strings[end] === 0 || strings[end] === 0x40;
}

type Version = Pick<ElfSymbol, "version" | "isDefault">;
/** The version of the symbol with an index; `undefined` where it has none. */
type VersionOf = (symbol: number) => Promise<Version | undefined>;

const unversioned: Version = { version: undefined, isDefault: true };
const noVersions: VersionOf = async () => undefined;

/** The versions of dynamic symbols (Linux Standard Base, "Symbol Versioning"). */
async function readVersions(file: ElfFile): Promise<VersionOf> {
  const definitions = file.sections.find(({ type }) => type === SectionType.VERDEF);
  const indices = file.sections.find(({ type }) => type === SectionType.VERSYM);
  if (definitions === undefined || indices === undefined) return noVersions;
  const nameOf = await readVersionNames(file, definitions);
  return async (symbol) => {
    if (2 * symbol + 2 > indices.size) return undefined;
    const index = file.words.u16(await file.part(indices, 2 * symbol, 2), 0);
    const version = nameOf(index & ~HIDDEN);
    return version === undefined ? undefined : { version, isDefault: (index & HIDDEN) === 0 };
  };
}

async function readVersionNames(
  file: ElfFile,
  definitions: ElfSection,
): Promise<(index: number) => string | undefined> {
  const { words } = file;
  const [table, strings] = await Promise.all([file.content(definitions), file.strings(definitions)]);
  /** Where their names are, by index. */
  const places = new Map<number, number>();
  let at = 0;
  for (let count = 0; count < MAX_VERSIONS && at + 20 <= table.length; count++) {
    const name = at + words.u32(table, at + 12);
    // 1 is the file itself.
    const index = words.u16(table, at + 4);
    if (name + 8 <= table.length && index > 1) places.set(index, words.u32(table, name));
    const next = words.u32(table, at + 16);
    if (next === 0) break;
    at += next;
  }
  return (index) => {
    const place = places.get(index);
    return place === undefined ? undefined : stringAt(strings, place);
  };
}
