/** A number of a type in its BTF; 0 is `void`. */
export type BtfTypeId = number;

export interface BtfMember {
  /** `""` for an anonymous struct or union, whose members count as those of the one around it. */
  readonly name: string;
  readonly type: BtfTypeId;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** Bits, of a bit-field; `undefined`: not one. */
  readonly bitSize: number | undefined;
}

export interface BtfParameter {
  /** `""` where the prototype names none; the type of a last one that stands for `...` is 0. */
  readonly name: string;
  readonly type: BtfTypeId;
}

/** A type as the kernel describes it (Documentation/bpf/btf.rst). Sizes are in bytes. */
export type BtfType =
  | { readonly kind: "void" }
  | {
      readonly kind: "int";
      readonly name: string;
      readonly size: number;
      readonly bits: number;
      readonly signed: boolean;
    }
  | { readonly kind: "float"; readonly name: string; readonly size: number }
  | { readonly kind: "pointer"; readonly type: BtfTypeId }
  | { readonly kind: "array"; readonly type: BtfTypeId; readonly count: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      /** Numbers where they are safe integers. */
      readonly values: readonly { readonly name: string; readonly value: number | bigint }[];
    }
  | { readonly kind: "forward"; readonly name: string; readonly union: boolean }
  | {
      readonly kind: "typedef" | "const" | "volatile" | "restrict" | "type_tag";
      readonly name: string;
      readonly type: BtfTypeId;
    }
  | { readonly kind: "function"; readonly name: string; readonly type: BtfTypeId }
  | {
      readonly kind: "prototype";
      readonly returns: BtfTypeId;
      readonly parameters: readonly BtfParameter[];
    }
  | { readonly kind: "variable"; readonly name: string; readonly type: BtfTypeId }
  | { readonly kind: "section"; readonly name: string; readonly size: number }
  | { readonly kind: "decl_tag"; readonly name: string; readonly type: BtfTypeId };

export type BtfKind = BtfType["kind"];

/** Kinds by their numbers (include/uapi/linux/btf.h). */
export const btfKinds: readonly BtfKind[] = [
  "void",
  "int",
  "pointer",
  "array",
  "struct",
  "union",
  "enum",
  "forward",
  "typedef",
  "volatile",
  "const",
  "restrict",
  "function",
  "prototype",
  "variable",
  "section",
  "float",
  "decl_tag",
  "type_tag",
  "enum",
];

/** Number of the enum with 64-bit values. */
export const ENUM64 = 19;

/** Bytes behind the 12 that all types have: so many, and so many for each of `vlen`. */
export const btfExtras: readonly { readonly fixed: number; readonly each: number }[] = [
  [0, 0],
  [4, 0],
  [0, 0],
  [12, 0],
  [0, 12],
  [0, 12],
  [0, 8],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 8],
  [4, 0],
  [0, 12],
  [0, 0],
  [4, 0],
  [0, 0],
  [0, 12],
].map(([fixed = 0, each = 0]) => ({ fixed, each }));
