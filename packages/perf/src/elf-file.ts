import type { FileHandle } from "node:fs/promises";
import { PerfError } from "./errors.js";

/** Part of a file that is mapped (elf(5), PT_LOAD). */
export interface ElfSegment {
  /** Where it is mapped, before the program is moved. */
  readonly address: bigint;
  /** Bytes from the file's start. */
  readonly offset: number;
  /** Bytes of it that the file holds. */
  readonly size: number;
  readonly executable: boolean;
}

export interface ElfSection {
  /** `SHT_*` */
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** Index of the section that belongs to it, such as a symbol table's strings. */
  readonly link: number;
}

/** Reads words of one byte order and class. */
export interface ElfWords {
  readonly bits: 32 | 64;
  u16(bytes: Buffer, at: number): number;
  u32(bytes: Buffer, at: number): number;
  /** An address or size: 4 or 8 bytes. */
  word(bytes: Buffer, at: number): bigint;
}

/** Most headers and bytes that are read of one table; a file that says more is refused. */
const limits = { headers: 65_536, bytes: 256 * 1024 * 1024, notes: 16, note: 64 * 1024, string: 4096 } as const;
const SectionType = { STRTAB: 3 } as const;
const SegmentType = { LOAD: 1, NOTE: 4 } as const;
const EXECUTABLE = 1;
const NT_GNU_BUILD_ID = 3;

/**
 * The headers of an ELF file: 64-bit of both byte orders, 32-bit little-endian. Everything in it is taken for what it may
 * be, a forgery: nothing is read beyond the file, and nothing without a limit.
 */
export class ElfFile {
  readonly words: ElfWords;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  /** Hexadecimal digits; `undefined` where the file has none. */
  readonly buildId: string | undefined;
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #name: string;

  /** @param name of the file, for errors */
  static async read(file: FileHandle, name: string): Promise<ElfFile> {
    const stat = await file.stat();
    if (!stat.isFile()) throw malformed(name, "not a regular file");
    const { size } = stat;
    const source = new Source(file, size, name);
    const header = await source.read(0, Math.min(64, size));
    const words = wordsOf(header, name);
    const wide = words.bits === 64;
    const [at, types] = wide
      ? [
          { program: 32, section: 40, entry: 54, count: 56, sectionEntry: 58, sectionCount: 60 },
          { program: 56, section: 64 },
        ]
      : [
          { program: 28, section: 32, entry: 42, count: 44, sectionEntry: 46, sectionCount: 48 },
          { program: 32, section: 40 },
        ];
    const table = async (offset: bigint, count: number, entry: number, least: number) => {
      if (count === 0 || offset === 0n) return [];
      if (entry < least || count > limits.headers) throw malformed(name, `${count} headers of ${entry} bytes`);
      const bytes = await source.read(Number(offset), count * entry);
      return Array.from({ length: count }, (_, index) => bytes.subarray(index * entry, (index + 1) * entry));
    };
    const programs = await table(
      words.word(header, at.program),
      words.u16(header, at.count),
      words.u16(header, at.entry),
      types.program,
    );
    const sections = await table(
      words.word(header, at.section),
      words.u16(header, at.sectionCount),
      words.u16(header, at.sectionEntry),
      types.section,
    );
    const notes = programs.filter((bytes) => words.u32(bytes, 0) === SegmentType.NOTE);
    const buildId = await findBuildId(
      source,
      notes.map((bytes) => segmentOf(bytes, words)),
      words,
    );
    return new ElfFile({
      file,
      size,
      name,
      words,
      segments: programs
        .filter((bytes) => words.u32(bytes, 0) === SegmentType.LOAD)
        .map((bytes) => segmentOf(bytes, words)),
      sections: sections.map((bytes) => sectionOf(bytes, words)),
      buildId,
    });
  }

  private constructor(init: {
    file: FileHandle;
    size: number;
    name: string;
    words: ElfWords;
    segments: ElfSegment[];
    sections: ElfSection[];
    buildId: string | undefined;
  }) {
    this.#file = init.file;
    this.#size = init.size;
    this.#name = init.name;
    this.words = init.words;
    this.segments = init.segments;
    this.sections = init.sections;
    this.buildId = init.buildId;
  }

  /** Where in the file the code at `address` lies; `undefined` where none is. */
  offsetOf(address: bigint): number | undefined {
    for (const segment of this.segments) {
      const into = address - segment.address;
      if (segment.executable && into >= 0n && into < BigInt(segment.size)) return segment.offset + Number(into);
    }
    return undefined;
  }

  /** Whether code lies at an offset of the file. */
  isCode(offset: number): boolean {
    return this.segments.some(
      (segment) => segment.executable && offset >= segment.offset && offset < segment.offset + segment.size,
    );
  }

  content(section: ElfSection): Promise<Buffer> {
    return this.part(section, 0, section.size);
  }

  /** Some bytes of a section, from its byte `start` on. */
  async part(section: ElfSection, start: number, size: number): Promise<Buffer> {
    if (section.size > limits.bytes) throw malformed(this.#name, `a table of ${section.size} bytes`);
    if (start + size > section.size) throw malformed(this.#name, "a table that is too short");
    return new Source(this.#file, this.#size, this.#name).read(section.offset + start, size);
  }

  /** The strings that belong to a section. */
  async strings(section: ElfSection): Promise<Buffer> {
    const strings = this.sections[section.link];
    if (strings?.type !== SectionType.STRTAB) throw malformed(this.#name, "a table without strings");
    return this.content(strings);
  }
}

/** The string at `at`, up to its NUL, the end, or the most bytes that are read of one; "" where there is none. */
export function stringAt(strings: Buffer, at: number): string {
  const rest = strings.subarray(at, at + limits.string);
  const end = rest.indexOf(0);
  return rest.toString("utf8", 0, end < 0 ? rest.length : end);
}

/** A file of which nothing beyond its end is read. */
class Source {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly name: string;

  constructor(file: FileHandle, size: number, name: string) {
    this.#file = file;
    this.#size = size;
    this.name = name;
  }

  async read(offset: number, size: number): Promise<Buffer> {
    if (!(offset >= 0 && offset + size <= this.#size)) throw malformed(this.name, "a table that lies beyond its end");
    if (size > limits.bytes) throw malformed(this.name, `a table of ${size} bytes`);
    // It is filled, or nobody sees it.
    const bytes = Buffer.allocUnsafe(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await this.#file.read(bytes, at, size - at, offset + at);
      if (bytesRead === 0) throw malformed(this.name, "it became shorter");
      at += bytesRead;
    }
    return bytes;
  }
}

function wordsOf(header: Buffer, name: string): ElfWords {
  if (header.length < 52 || header.readUInt32BE(0) !== 0x7f45_4c46) throw malformed(name, "no ELF file");
  const [bits, order] = [header[4], header[5]];
  if (bits === 2 && order === 1 && header.length === 64) {
    return {
      bits: 64,
      u16: (bytes, at) => bytes.readUInt16LE(at),
      u32: (bytes, at) => bytes.readUInt32LE(at),
      word: (bytes, at) => bytes.readBigUInt64LE(at),
    };
  }
  if (bits === 2 && order === 2 && header.length === 64) {
    return {
      bits: 64,
      u16: (bytes, at) => bytes.readUInt16BE(at),
      u32: (bytes, at) => bytes.readUInt32BE(at),
      word: (bytes, at) => bytes.readBigUInt64BE(at),
    };
  }
  if (bits === 1 && order === 1) {
    return {
      bits: 32,
      u16: (bytes, at) => bytes.readUInt16LE(at),
      u32: (bytes, at) => bytes.readUInt32LE(at),
      word: (bytes, at) => BigInt(bytes.readUInt32LE(at)),
    };
  }
  throw malformed(name, `ELF class ${bits} of byte order ${order}`);
}

function segmentOf(bytes: Buffer, words: ElfWords): ElfSegment {
  const [flags, offset, address, size] = words.bits === 64 ? [4, 8, 16, 32] : [24, 4, 8, 16];
  return {
    address: words.word(bytes, address),
    offset: Number(words.word(bytes, offset)),
    size: Number(words.word(bytes, size)),
    executable: (words.u32(bytes, flags) & EXECUTABLE) !== 0,
  };
}

function sectionOf(bytes: Buffer, words: ElfWords): ElfSection {
  const [offset, size, link] = words.bits === 64 ? [24, 32, 40] : [16, 20, 24];
  return {
    type: words.u32(bytes, 4),
    offset: Number(words.word(bytes, offset)),
    size: Number(words.word(bytes, size)),
    link: words.u32(bytes, link),
  };
}

async function findBuildId(source: Source, notes: readonly ElfSegment[], words: ElfWords): Promise<string | undefined> {
  for (const { offset, size } of notes.slice(0, limits.notes)) {
    if (size > limits.note) continue;
    const bytes = await source.read(offset, size);
    let at = 0;
    while (at + 12 <= bytes.length) {
      const [nameSize, size, type] = [words.u32(bytes, at), words.u32(bytes, at + 4), words.u32(bytes, at + 8)];
      const start = at + 12 + ((nameSize + 3) & ~3);
      if (nameSize > bytes.length || start + size > bytes.length) break;
      if (type === NT_GNU_BUILD_ID && bytes.toString("latin1", at + 12, at + 12 + nameSize) === "GNU\0") {
        return bytes.toString("hex", start, start + size);
      }
      at = start + ((size + 3) & ~3);
    }
  }
  return undefined;
}

function malformed(subject: string, cause: string): PerfError {
  return new PerfError("invalid", { operation: "readElf", subject, cause });
}
