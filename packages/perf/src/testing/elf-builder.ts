/** A symbol of a file to be built. */
export interface BuiltSymbol {
  name: string;
  address: number;
  size?: number;
  /** `STT_*`; default FUNC. */
  type?: number;
  local?: boolean;
  undefined?: boolean;
}

export interface ElfOptions {
  bits?: 32 | 64;
  bigEndian?: boolean;
  buildId?: string;
  symbols?: readonly BuiltSymbol[];
  dynamic?: readonly BuiltSymbol[];
  /** By index into `dynamic`. */
  versions?: readonly { name: string; hidden?: boolean }[];
}

/** Address of the code, which lies in the file at {@link CODE_OFFSET}. */
export const CODE_ADDRESS = 0x40_1000;
export const CODE_OFFSET = 0x1000;
const CODE_SIZE = 0x1000;

/** Builds ELF files: one segment of code, one of notes, symbol tables, versions. */
export function buildElf(options: ElfOptions = {}): Buffer {
  const { bits = 64, bigEndian = false, buildId = "0123456789abcdef", symbols = [], dynamic = [], versions } = options;
  const wide = bits === 64;
  // A symbol takes its entry, its name, its version and that one's name.
  const out = Buffer.alloc(CODE_OFFSET + CODE_SIZE + 0x8000 + 128 * (symbols.length + dynamic.length));
  let end = CODE_OFFSET + CODE_SIZE;
  const u16 = (at: number, value: number) => (bigEndian ? out.writeUInt16BE(value, at) : out.writeUInt16LE(value, at));
  const u32 = (at: number, value: number) => (bigEndian ? out.writeUInt32BE(value, at) : out.writeUInt32LE(value, at));
  const word = (at: number, value: number) => {
    if (!wide) u32(at, value);
    else if (bigEndian) out.writeBigUInt64BE(BigInt(value), at);
    else out.writeBigUInt64LE(BigInt(value), at);
  };
  const place = (size: number) => {
    const at = end;
    end += (size + 7) & ~7;
    return at;
  };
  const sections: { type: number; offset: number; size: number; link: number }[] = [];
  const addSection = (type: number, offset: number, size: number, link = 0) =>
    sections.push({ type, offset, size, link }) - 1;
  const addStrings = (strings: readonly string[]) => {
    const text = Buffer.from(`\0${strings.map((each) => `${each}\0`).join("")}`);
    const at = place(text.length);
    text.copy(out, at);
    let next = 1;
    const places = strings.map((each) => {
      next += Buffer.byteLength(each) + 1;
      return next - Buffer.byteLength(each) - 1;
    });
    return { index: addSection(3, at, text.length), places };
  };
  const addSymbols = (type: number, list: readonly BuiltSymbol[]) => {
    if (list.length === 0) return;
    const names = addStrings(list.map(({ name }) => name));
    const entry = wide ? 24 : 16;
    const at = place(list.length * entry);
    for (const [index, symbol] of list.entries()) {
      const start = at + index * entry;
      u32(start, names.places[index] ?? 0);
      out[start + (wide ? 4 : 12)] = (symbol.local ? 0 : 0x10) | (symbol.type ?? 2);
      u16(start + (wide ? 6 : 14), symbol.undefined ? 0 : 1);
      word(start + (wide ? 8 : 4), symbol.address);
      word(start + (wide ? 16 : 8), symbol.size ?? 0);
    }
    addSection(type, at, list.length * entry, names.index);
  };

  addSection(0, 0, 0);
  addSymbols(2, symbols);
  addSymbols(11, dynamic);
  if (versions !== undefined) {
    const names = addStrings(versions.map(({ name }) => name));
    const indices = place(2 * dynamic.length);
    for (const [index, { hidden }] of versions.entries()) u16(indices + 2 * index, (index + 2) | (hidden ? 0x8000 : 0));
    addSection(0x6fff_ffff, indices, 2 * dynamic.length);
    const definitions = place(28 * versions.length);
    for (const index of versions.keys()) {
      const at = definitions + 28 * index;
      u16(at + 4, index + 2);
      u32(at + 12, 20);
      u32(at + 16, index === versions.length - 1 ? 0 : 28);
      u32(at + 20, names.places[index] ?? 0);
    }
    addSection(0x6fff_fffd, definitions, 28 * versions.length, names.index);
  }

  const id = Buffer.from(buildId, "hex");
  const note = place(16 + id.length);
  for (const [index, value] of [4, id.length, 3].entries()) u32(note + 4 * index, value);
  out.write("GNU\0", note + 12, "latin1");
  id.copy(out, note + 16);

  const entry = wide ? 56 : 32;
  const program = place(2 * entry);
  const addSegment = (index: number, type: number, flags: number, offset: number, address: number, size: number) => {
    const at = program + index * entry;
    u32(at, type);
    u32(at + (wide ? 4 : 24), flags);
    word(at + (wide ? 8 : 4), offset);
    word(at + (wide ? 16 : 8), address);
    word(at + (wide ? 32 : 16), size);
  };
  addSegment(0, 1, 5, CODE_OFFSET, CODE_ADDRESS, CODE_SIZE);
  addSegment(1, 4, 4, note, 0, 16 + id.length);

  const sectionEntry = wide ? 64 : 40;
  const table = place(sections.length * sectionEntry);
  for (const [index, { type, offset, size, link }] of sections.entries()) {
    const at = table + index * sectionEntry;
    u32(at + 4, type);
    word(at + (wide ? 24 : 16), offset);
    word(at + (wide ? 32 : 20), size);
    u32(at + (wide ? 40 : 24), link);
  }

  out.write("\x7fELF", 0, "latin1");
  out[4] = wide ? 2 : 1;
  out[5] = bigEndian ? 2 : 1;
  word(wide ? 32 : 28, program);
  word(wide ? 40 : 32, table);
  u16(wide ? 54 : 42, entry);
  u16(wide ? 56 : 44, 2);
  u16(wide ? 58 : 46, sectionEntry);
  u16(wide ? 60 : 48, sections.length);
  return out.subarray(0, end);
}
