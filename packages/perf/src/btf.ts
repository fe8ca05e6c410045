import { readFile } from "node:fs/promises";
import { BtfReader } from "./btf-reader.js";
import type { BtfKind, BtfMember, BtfType, BtfTypeId } from "./btf-types.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";

/** Where a member lies in a struct. */
export interface BtfField {
  /** Bytes from the start of the struct; of a bit-field: of the byte that its first bit is in. */
  readonly offset: number;
  /** Bytes; of a bit-field: those of its type. */
  readonly size: number;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** Bits; `undefined`: not a bit-field. */
  readonly bitSize: number | undefined;
  readonly type: BtfTypeId;
}

export interface BtfFunction {
  readonly parameters: readonly { readonly name: string; readonly type: BtfTypeId }[];
  readonly returns: BtfTypeId;
}

/** As many types can stand for one another, and structs within structs; more is a loop. */
const MAX_DEPTH = 64;
const POINTER_SIZE = 8;
/** Kinds that stand for the type they name. */
const modifiers: readonly BtfKind[] = ["typedef", "const", "volatile", "restrict", "type_tag"];

/** The kernel's types (CONFIG_DEBUG_INFO_BTF). Whatever changes from kernel to kernel is read here instead of assumed. */
export class Btf {
  readonly #reader: BtfReader;

  /**
   * Reads the kernel's, or a module's at `/sys/kernel/btf/NAME` with the kernel's as `base`.
   *
   * @throws PerfError `unsupported` where the kernel has none
   */
  static async open(path = "/sys/kernel/btf/vmlinux", base?: Btf): Promise<Btf> {
    try {
      return new Btf(await readFile(path), base);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw toPerfError(error, "open", path);
      throw new PerfError("unsupported", {
        operation: "open",
        subject: path,
        cause: "ENOENT",
        errno: "ENOENT",
        feature: "btf",
        remedy: "needs a kernel with CONFIG_DEBUG_INFO_BTF",
        from: error,
      });
    }
  }

  /** @throws PerfError `invalid` */
  constructor(bytes: Uint8Array, base?: Btf) {
    this.#reader = new BtfReader(bytes, base === undefined ? undefined : base.#reader);
  }

  /** Number of types, `void` among them. */
  get count(): number {
    return this.#reader.end;
  }

  type(id: BtfTypeId): BtfType {
    return this.#reader.type(id);
  }

  /** Numbers of the types called `name`; by default of those that can be named in C. */
  find(name: string, kinds: readonly BtfKind[] = ["struct", "union", "enum", "typedef", "int", "float"]): BtfTypeId[] {
    return this.#reader.find(name, kinds);
  }

  /** The type that an id, be it a typedef or qualified, stands for. */
  resolve(id: BtfTypeId): BtfType {
    let type = this.type(id);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (!modifiers.includes(type.kind)) return type;
      type = this.type((type as { type: BtfTypeId }).type);
    }
    throw new PerfError("invalid", { operation: "readBtf", subject: `type ${id}`, cause: "it stands for itself" });
  }

  /** Bytes of a type; 0 for `void`, functions and types that are only named. */
  sizeOf(id: BtfTypeId, depth = 0): number {
    const type = this.resolve(id);
    if (depth > MAX_DEPTH) throw new PerfError("invalid", { operation: "readBtf", cause: "an array of itself" });
    if (type.kind === "pointer") return POINTER_SIZE;
    if (type.kind === "array") return type.count * this.sizeOf(type.type, depth + 1);
    return "size" in type ? type.size : 0;
  }

  /**
   * Finds a member, also within other members: `d_name.name`, `uid.val`, `comm[2]`. Members of anonymous structs and
   * unions are found by their own names, as in C. A pointer ends the way: `typeName` tells where it leads.
   *
   * @param owner name of a struct, union or typedef of one, or its number
   * @throws PerfError `not_found`, `invalid`
   */
  member(owner: string | BtfTypeId, path: string): BtfField {
    const subject = `${typeof owner === "string" ? owner : this.typeName(owner)}.${path}`;
    const id = typeof owner === "string" ? this.#structId(owner, subject) : owner;
    let field: BtfField = { offset: 0, size: 0, bitOffset: 0, bitSize: undefined, type: id };
    for (const [, name, index] of parsePath(path, subject)) {
      const next = name === undefined ? this.#element(field, Number(index)) : this.#named(field, name);
      if (next === undefined) {
        const cause = `${this.typeName(field.type)} has no ${name === undefined ? `element ${index}` : `member ${name}`}`;
        throw new PerfError("not_found", { operation: "btfMember", subject, cause });
      }
      field = next;
    }
    return { ...field, offset: field.bitOffset >> 3, size: this.sizeOf(field.type) };
  }

  /** @throws PerfError `not_found` */
  function(name: string): BtfFunction {
    const [id] = this.find(name, ["function"]);
    if (id === undefined) {
      throw new PerfError("not_found", { operation: "btfFunction", subject: name, cause: "no such function" });
    }
    const prototype = this.resolve((this.type(id) as { type: BtfTypeId }).type);
    if (prototype.kind === "prototype") return { parameters: prototype.parameters, returns: prototype.returns };
    throw new PerfError("invalid", { operation: "btfFunction", subject: name, cause: "it has no prototype" });
  }

  /** The values of an enumeration by their names. */
  enumeration(name: string): ReadonlyMap<string, number | bigint> {
    const types = this.find(name, ["enum"]).map((id) => this.type(id));
    // One that is only declared has no values.
    const type = types.find((each) => each.kind === "enum" && each.values.length > 0);
    if (type?.kind === "enum") return new Map(type.values.map((each) => [each.name, each.value]));
    throw new PerfError("not_found", { operation: "btfEnum", subject: name, cause: "no such enumeration" });
  }

  /** A type as C writes it, such as `struct file *`. */
  typeName(id: BtfTypeId, depth = 0): string {
    const type = this.type(id);
    const inner = (of: BtfTypeId) => (depth > MAX_DEPTH ? "…" : this.typeName(of, depth + 1));
    switch (type.kind) {
      case "void":
        return "void";
      case "pointer": {
        const target = inner(type.type);
        return target.endsWith("*") ? `${target}*` : `${target} *`;
      }
      case "array":
        return `${inner(type.type)}[${type.count}]`;
      case "struct":
      case "union":
      case "enum":
        return type.name === "" ? type.kind : `${type.kind} ${type.name}`;
      case "forward":
        return `${type.union ? "union" : "struct"} ${type.name}`;
      case "const":
      case "volatile":
      case "restrict":
        return `${type.kind} ${inner(type.type)}`;
      case "type_tag":
        return inner(type.type);
      case "prototype":
        return `${inner(type.returns)} (${type.parameters.map((each) => (each.type === 0 ? "..." : inner(each.type))).join(", ")})`;
      default:
        return type.name;
    }
  }

  #structId(name: string, subject: string): BtfTypeId {
    const ids = this.find(name, ["struct", "union", "typedef"]);
    const id = ids.find((each) => ["struct", "union"].includes(this.resolve(each).kind));
    if (id !== undefined) return id;
    throw new PerfError("not_found", { operation: "btfMember", subject, cause: `no struct ${name}` });
  }

  #element(array: BtfField, index: number): BtfField | undefined {
    const type = this.resolve(array.type);
    // An array without a length is as long as what it is allocated with.
    if (type.kind !== "array" || (type.count > 0 && index >= type.count)) return undefined;
    return { ...array, type: type.type, bitOffset: array.bitOffset + index * 8 * this.sizeOf(type.type) };
  }

  #named(owner: BtfField, name: string, depth = 0): BtfField | undefined {
    const type = this.resolve(owner.type);
    if ((type.kind !== "struct" && type.kind !== "union") || depth > MAX_DEPTH) return undefined;
    const at = (member: BtfMember): BtfField => ({
      ...owner,
      type: member.type,
      bitOffset: owner.bitOffset + member.bitOffset,
      bitSize: member.bitSize,
    });
    const own = type.members.find((member) => member.name === name);
    if (own !== undefined) return at(own);
    for (const member of type.members) {
      const found = member.name === "" ? this.#named(at(member), name, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Names and indices in their order. */
function parsePath(path: string, subject: string): RegExpMatchArray[] {
  const grammar = /^[A-Za-z_]\w*(?:\[\d+\])*(?:\.[A-Za-z_]\w*(?:\[\d+\])*)*$/;
  if (grammar.test(path)) return [...path.matchAll(/([A-Za-z_]\w*)|\[(\d+)\]/g)];
  throw new PerfError("invalid", { operation: "btfMember", subject, cause: "not a path of members" });
}
