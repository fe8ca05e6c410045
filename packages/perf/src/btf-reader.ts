import { type BtfKind, type BtfType, type BtfTypeId, btfExtras, btfKinds, ENUM64 } from "./btf-types.js";
import { PerfError } from "./errors.js";

const MAGIC = 0xeb9f;
const HEADER = 24;
/** Bytes that all types have: name, info, size or type. */
const COMMON = 12;

/** The types of one BTF blob, by number; each is decoded when it is asked for. */
export class BtfReader {
  readonly #bytes: Buffer;
  readonly #base: BtfReader | undefined;
  readonly #strings: Buffer;
  /** Where each type begins. */
  readonly #places: Uint32Array;
  /** Where each type's name stands: a look-up goes through these alone. */
  readonly #names: Uint32Array;
  /** Numbers of the types of its own begin here. */
  readonly #first: number;

  /**
   * @param bytes as in /sys/kernel/btf
   * @param base the kernel's, where `bytes` are a module's
   * @throws PerfError `invalid`
   */
  constructor(bytes: Uint8Array, base?: BtfReader) {
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (all.length < HEADER || all.readUInt16LE(0) !== MAGIC) throw malformed("no little-endian BTF");
    const header = all.readUInt32LE(4);
    const part = (at: number) => {
      const start = header + all.readUInt32LE(at);
      const end = start + all.readUInt32LE(at + 4);
      if (header < HEADER || end > all.length) throw malformed("a section that lies beyond its end");
      return all.subarray(start, end);
    };
    this.#base = base;
    this.#bytes = part(8);
    this.#strings = part(16);
    this.#first = base === undefined ? 1 : base.end;
    ({ places: this.#places, names: this.#names } = indexTypes(this.#bytes));
  }

  /** One more than the greatest number. */
  get end(): BtfTypeId {
    return this.#first + this.#places.length;
  }

  /** Bytes of all strings, those of the base included. */
  get stringsEnd(): number {
    return this.#strings.length + (this.#base?.stringsEnd ?? 0);
  }

  /** @throws PerfError `invalid` for a number that is none of its types' */
  type(id: BtfTypeId): BtfType {
    if (id === 0) return { kind: "void" };
    if (id < this.#first && this.#base !== undefined) return this.#base.type(id);
    const at = this.#places[id - this.#first];
    if (at === undefined) throw malformed(`no type ${id}`);
    return this.#decode(at);
  }

  /** Numbers of the types called `name`, of the kinds given. */
  find(name: string, kinds: readonly BtfKind[]): BtfTypeId[] {
    const found = this.#base?.find(name, kinds) ?? [];
    for (const offset of this.stringOffsets(name)) {
      for (let index = this.#names.indexOf(offset); index >= 0; index = this.#names.indexOf(offset, index + 1)) {
        const kind = btfKinds[kindAt(this.#bytes, this.#places[index] as number)] ?? "void";
        if (kinds.includes(kind)) found.push(this.#first + index);
      }
    }
    return found.sort((a, b) => a - b);
  }

  /** Where a string stands, in its own strings and those of the base. */
  stringOffsets(text: string): number[] {
    const offsets = this.#base?.stringOffsets(text) ?? [];
    const base = this.#base?.stringsEnd ?? 0;
    const needle = Buffer.from(`\0${text}\0`);
    if (text === "" || text.includes("\0")) return offsets;
    for (let at = this.#strings.indexOf(needle); at >= 0; at = this.#strings.indexOf(needle, at + 1)) {
      offsets.push(base + at + 1);
    }
    return offsets;
  }

  #string(offset: number): string {
    const base = this.#base?.stringsEnd ?? 0;
    if (this.#base !== undefined && offset < base) return this.#base.#string(offset);
    const at = offset - base;
    const end = this.#strings.indexOf(0, at);
    if (at >= this.#strings.length || end < 0) throw malformed("a name that lies beyond its strings");
    return this.#strings.toString("utf8", at, end);
  }

  /** The size of what is read here was checked when the types were indexed. */
  #decode(at: number): BtfType {
    const bytes = this.#bytes;
    const u32 = (offset: number) => bytes.readUInt32LE(at + offset);
    const info = u32(4);
    const number = kindAt(bytes, at);
    const flag = info >>> 31 === 1;
    const kind = btfKinds[number] ?? "void";
    const name = this.#string(u32(0));
    const list = <T>(item: (offset: number) => T): T[] =>
      Array.from({ length: info & 0xffff }, (_, index) => item(COMMON + index * (btfExtras[number]?.each ?? 0)));
    switch (kind) {
      case "int":
        return { kind, name, size: u32(8), bits: u32(12) & 0xff, signed: ((u32(12) >>> 24) & 1) === 1 };
      case "pointer":
        return { kind, type: u32(8) };
      case "array":
        return { kind, type: u32(12), count: u32(20) };
      case "struct":
      case "union":
        return {
          kind,
          name,
          size: u32(8),
          members: list((offset) => {
            const place = u32(offset + 8);
            const bits = flag ? place >>> 24 : 0;
            return {
              name: this.#string(u32(offset)),
              type: u32(offset + 4),
              bitOffset: flag ? place & 0xff_ffff : place,
              bitSize: bits === 0 ? undefined : bits,
            };
          }),
        };
      case "enum": {
        const value = (offset: number) => {
          if (number !== ENUM64) return flag ? bytes.readInt32LE(at + offset + 4) : u32(offset + 4);
          const wide = BigInt.asUintN(64, (BigInt(u32(offset + 8)) << 32n) | BigInt(u32(offset + 4)));
          const signed = flag ? BigInt.asIntN(64, wide) : wide;
          return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
        };
        return {
          kind,
          name,
          size: u32(8),
          values: list((offset) => ({ name: this.#string(u32(offset)), value: value(offset) })),
        };
      }
      case "forward":
        return { kind, name, union: flag };
      case "prototype":
        return {
          kind,
          returns: u32(8),
          parameters: list((offset) => ({ name: this.#string(u32(offset)), type: u32(offset + 4) })),
        };
      case "float":
      case "section":
        return { kind, name, size: u32(8) };
      case "void":
        throw malformed(`a type of kind ${number}`);
      default:
        return { kind, name, type: u32(8) };
    }
  }
}

function kindAt(bytes: Buffer, at: number): number {
  return (bytes.readUInt32LE(at + 4) >>> 24) & 0x1f;
}

/** Finds where each type begins and its name stands: they lie one behind the other, each as long as its kind says. */
function indexTypes(bytes: Buffer): { places: Uint32Array; names: Uint32Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = new Uint32Array(Math.floor(bytes.length / COMMON));
  const names = new Uint32Array(places.length);
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    if (at + COMMON > bytes.length) throw malformed("its last type is cut off");
    const info = view.getUint32(at + 4, true);
    const extra = btfExtras[(info >>> 24) & 0x1f];
    // Without its length nothing that follows can be found.
    if (extra === undefined)
      throw malformed(`a type of kind ${(info >>> 24) & 0x1f}, which is newer than this library`);
    names[count] = view.getUint32(at, true);
    places[count++] = at;
    at += COMMON + extra.fixed + extra.each * (info & 0xffff);
  }
  if (at !== bytes.length) throw malformed("its last type is cut off");
  return { places: places.slice(0, count), names: names.slice(0, count) };
}

function malformed(cause: string): PerfError {
  return new PerfError("invalid", { operation: "readBtf", cause });
}
