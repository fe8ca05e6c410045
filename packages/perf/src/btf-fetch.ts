import type { Btf, BtfField } from "./btf.js";
import { PerfError } from "./errors.js";

/**
 * The fetch expression, its type included, of what a path of members leads to: `$arg1`, `file`,
 * `f_path.dentry->d_name.name` becomes `+0(+40(+24($arg1))):string`, with the offsets of this kernel. Characters are
 * fetched as a string, numbers with their width and sign, other pointers as an address.
 *
 * @param start a fetch expression that gives the address of a struct, such as `$arg1`
 * @param owner name of that struct
 * @throws PerfError `not_found`, `invalid`
 */
export function fetchMember(btf: Btf, start: string, owner: string, path: string): string {
  const [first = "", ...rest] = path.split("->");
  let field = btf.member(owner, first);
  let expression = `+${field.offset}(${start})`;
  for (const part of rest) {
    const type = btf.resolve(field.type);
    if (type.kind !== "pointer") throw refused(`${owner}, ${path}`, `${btf.typeName(field.type)} is no pointer`);
    field = btf.member(type.type, part);
    expression = `+${field.offset}(${expression})`;
  }
  const { depth, type } = fetchType(btf, field, `${owner}, ${path}`);
  return `${depth === 1 ? `+0(${expression})` : expression}:${type}`;
}

/** How the kernel is told of a member's type; `depth` 1: what is wanted is where its value points to. */
function fetchType(btf: Btf, field: BtfField, subject: string): { depth: 0 | 1; type: string } {
  const type = btf.resolve(field.type);
  if (field.bitSize !== undefined) {
    const from = field.bitOffset & 7;
    const container = [8, 16, 32, 64].find((bits) => from + (field.bitSize ?? 0) <= bits);
    if (container === undefined) throw refused(subject, "a bit-field that spans more than 8 bytes");
    return { depth: 0, type: `b${field.bitSize}@${from}/${container}` };
  }
  switch (type.kind) {
    case "int":
      return { depth: 0, type: `${type.signed ? "s" : "u"}${8 * type.size}` };
    case "enum":
      return { depth: 0, type: `u${8 * type.size}` };
    case "pointer":
      return isCharacter(btf, type.type) ? { depth: 1, type: "string" } : { depth: 0, type: "x64" };
    case "array": {
      if (isCharacter(btf, type.type)) return { depth: 0, type: "string" };
      const element = fetchType(btf, { ...field, type: type.type }, subject);
      // The kernel's limit for arrays (MAX_ARRAY_LEN).
      if (element.depth === 0 && !element.type.includes("[") && type.count > 0 && type.count <= 64) {
        return { depth: 0, type: `${element.type}[${type.count}]` };
      }
    }
  }
  throw refused(subject, `${btf.typeName(field.type)} cannot be fetched`);
}

function isCharacter(btf: Btf, id: number): boolean {
  const type = btf.resolve(id);
  return type.kind === "int" && type.size === 1 && /\bchar$/.test(type.name);
}

function refused(subject: string, cause: string): PerfError {
  return new PerfError("invalid", { operation: "fetchMember", subject, cause });
}
