import type { FieldTypes } from "../field-types.js";

/** Conditions and what passes them. They run against the evaluator and against the kernel. */
export interface Vector<Subject> {
  readonly where: string;
  readonly passes: readonly Subject[];
}

/** Fields that hold the same bits, cut to their sizes. */
export const numberTypes = {
  s8: "int8",
  s16: "int16",
  s32: "int32",
  s64: "int64",
  u8: "uint8",
  u16: "uint16",
  u32: "uint32",
  u64: "uint64",
} as const satisfies FieldTypes;

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** What the fields are filled with. */
export const numbers = [
  0n,
  1n,
  2n,
  3n,
  5n,
  127n,
  128n,
  255n,
  -1n,
  -2n,
  -128n,
  -129n,
  2n ** 31n - 1n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 53n + 1n,
  int64.max,
  int64.min,
];

/** The values of all fields where they are filled with a number. */
export function fieldsOf(number: bigint): Record<keyof typeof numberTypes, number | bigint> {
  const signed = (bits: number) => fitting(BigInt.asIntN(bits, number));
  const unsigned = (bits: number) => fitting(BigInt.asUintN(bits, number));
  return {
    s8: signed(8),
    s16: signed(16),
    s32: signed(32),
    s64: signed(64),
    u8: unsigned(8),
    u16: unsigned(16),
    u32: unsigned(32),
    u64: unsigned(64),
  };
}

function fitting(number: bigint): number | bigint {
  return BigInt.asIntN(53, number) === number ? Number(number) : number;
}

const none: readonly bigint[] = [];
const but = (...left: bigint[]) => numbers.filter((number) => !left.includes(number));

export const numberVectors: readonly Vector<bigint>[] = [
  { where: "s64 == 0", passes: [0n] },
  { where: "s64 != 0", passes: but(0n) },
  { where: "s64 == 9007199254740993", passes: [2n ** 53n + 1n] },
  { where: "u64 == 0x20000000000001", passes: [2n ** 53n + 1n] },
  { where: "s64 == 9007199254740992", passes: none },
  { where: "s64 == -9223372036854775808", passes: [int64.min] },
  { where: "u64 == 9223372036854775808", passes: [int64.min] },
  { where: "s64 == 9223372036854775807", passes: [int64.max] },
  { where: "u64 == 18446744073709551615", passes: [-1n] },
  { where: "u64 >= 0x8000000000000000", passes: [-1n, -2n, -128n, -129n, -(2n ** 31n), int64.min] },
  { where: "s64 < 0", passes: [-1n, -2n, -128n, -129n, -(2n ** 31n), int64.min] },
  { where: "s64 <= -129", passes: [-129n, -(2n ** 31n), int64.min] },
  { where: "s64 > 2147483647", passes: [2n ** 31n, 2n ** 53n + 1n, int64.max] },
  { where: "s64 >= 2147483647", passes: [2n ** 31n - 1n, 2n ** 31n, 2n ** 53n + 1n, int64.max] },
  { where: "s32 == -1", passes: [-1n, int64.max] },
  { where: "s32 == -2147483648", passes: [2n ** 31n, -(2n ** 31n)] },
  { where: "u32 == 2147483648", passes: [2n ** 31n, -(2n ** 31n)] },
  { where: "u32 > 4294967293", passes: [-1n, -2n, int64.max] },
  { where: "s16 < -128", passes: [-129n] },
  { where: "u16 >= 65407", passes: [-1n, -2n, -128n, -129n, 2n ** 31n - 1n, int64.max] },
  { where: "s8 == -128", passes: [128n, -128n] },
  { where: "s8 < -1", passes: [128n, -2n, -128n] },
  { where: "s8 <= 0177 && s8 > 0x7e", passes: [127n, -129n] },
  { where: "u8 == 255", passes: [255n, -1n, 2n ** 31n - 1n, int64.max] },
  { where: "u8 > 5 && u8 < 128", passes: [127n, -129n] },
  { where: "u8 & 2", passes: but(0n, 1n, 5n, 128n, -128n, 2n ** 31n, -(2n ** 31n), 2n ** 53n + 1n, int64.min) },
  { where: "!(s32 & 1)", passes: [0n, 2n, 128n, -2n, -128n, 2n ** 31n, -(2n ** 31n), int64.min] },
  { where: "(u8 & 7) == 5", passes: [5n] },
  { where: "(u8 & 3) == 3", passes: [3n, 127n, 255n, -1n, -129n, 2n ** 31n - 1n, int64.max] },
  {
    where: "(u8 & 3) != 3",
    passes: [0n, 1n, 2n, 5n, 128n, -2n, -128n, 2n ** 31n, -(2n ** 31n), 2n ** 53n + 1n, int64.min],
  },
  { where: "!((u8 & 3) != 3)", passes: [3n, 127n, 255n, -1n, -129n, 2n ** 31n - 1n, int64.max] },
  { where: "(u8 & 6) == 0", passes: [0n, 1n, 128n, -128n, 2n ** 31n, -(2n ** 31n), 2n ** 53n + 1n, int64.min] },
  { where: "s64 & 0x8000000000000000", passes: [-1n, -2n, -128n, -129n, -(2n ** 31n), int64.min] },
  { where: "(u64 & 0xff00000000000000) == 0x7f00000000000000", passes: [int64.max] },
  { where: "s32 & 0x80000000", passes: [-1n, -2n, -128n, -129n, 2n ** 31n, -(2n ** 31n), int64.max] },
  { where: "(s8 & -128) == -128 && u8 & 1", passes: [255n, -1n, 2n ** 31n - 1n, int64.max] },
  { where: "s64 == 1 || s64 == 2 && u8 == 2", passes: [1n, 2n] },
  { where: "(s64 == 1 || s64 == 2) && u8 == 2", passes: [2n] },
  { where: "!(s64 == 1 || s64 == 2)", passes: but(1n, 2n) },
  {
    where: "!(s64 >= 0 && u8 < 128)",
    passes: [128n, 255n, 2n ** 31n - 1n, int64.max, ...numbers.filter((n) => n < 0n)],
  },
  { where: "!!(s64 == 5)", passes: [5n] },
  { where: "!(!(s64 == 5) && !(s64 == 3 || s64 < -129))", passes: [3n, 5n, -(2n ** 31n), int64.min] },
  { where: "s64 == 0 || (u8 & 1 && !(s64 < 0 || s64 > 5))", passes: [0n, 1n, 3n, 5n] },
];

export const textTypes = { text: "string" } as const satisfies FieldTypes;

export const texts = [
  "",
  "a",
  "b",
  "ab",
  "abc",
  "aXbXc",
  "/etc/passwd",
  "/etc/ssh/key",
  "/usr/lib/libc.so",
  "1",
  "1234",
  "1*",
  "!a",
  "a*c",
  "a?c",
  "[ab]",
  "]",
  "-",
  "a-c",
  "\\",
  "a\\",
  "a b",
  "é",
  "aéb",
  "日本",
  "'",
  '"',
  "a\"b'c",
  "aab",
  "aaab",
  "abab",
  "a) || (1",
  // Bytes that are no UTF-8.
  "\udcff",
  "/\udcfe",
];

const not = (...left: string[]) => texts.filter((text) => !left.includes(text));

export const textVectors: readonly Vector<string>[] = [
  { where: 'text == ""', passes: [""] },
  { where: 'text != ""', passes: not("") },
  { where: 'text == "ab"', passes: ["ab"] },
  { where: 'text != "ab"', passes: not("ab") },
  { where: 'text == "a*c"', passes: ["a*c"] },
  { where: 'text == "é"', passes: ["é"] },
  { where: "text == '\"'", passes: ['"'] },
  { where: 'text == "\'"', passes: ["'"] },
  { where: 'text == "a) || (1"', passes: ["a) || (1"] },
  { where: 'text ~ ""', passes: [""] },
  { where: 'text ~ "*"', passes: texts },
  { where: 'text ~ "**"', passes: texts },
  { where: '!(text ~ "*")', passes: [] },
  { where: 'text ~ "ab"', passes: ["ab"] },
  { where: 'text ~ "ab*"', passes: ["ab", "abc", "abab"] },
  { where: 'text ~ "*b"', passes: ["b", "ab", "a b", "aéb", "aab", "aaab", "abab"] },
  {
    where: 'text ~ "*b*"',
    passes: ["b", "ab", "abc", "aXbXc", "/usr/lib/libc.so", "[ab]", "a b", "aéb", "a\"b'c", "aab", "aaab", "abab"],
  },
  { where: 'text ~ "a*b"', passes: ["ab", "a b", "aéb", "aab", "aaab", "abab"] },
  { where: 'text ~ "a*b*"', passes: ["ab", "abc", "aXbXc", "a b", "aéb", "a\"b'c", "aab", "aaab", "abab"] },
  { where: 'text ~ "*a*a*b"', passes: ["aab", "aaab", "abab"] },
  { where: 'text ~ "/etc/*"', passes: ["/etc/passwd", "/etc/ssh/key"] },
  { where: 'text ~ "/*/*/*"', passes: ["/etc/ssh/key", "/usr/lib/libc.so"] },
  { where: '!(text ~ "a*") && text ~ "*c*"', passes: ["/etc/passwd", "/etc/ssh/key", "/usr/lib/libc.so"] },
  { where: 'text ~ "?"', passes: ["a", "b", "1", "]", "-", "\\", "'", '"', "\udcff"] },
  { where: 'text ~ "??"', passes: ["ab", "1*", "!a", "a\\", "é", "/\udcfe"] },
  { where: 'text ~ "/?"', passes: ["/\udcfe"] },
  { where: 'text ~ "/*" && !(text ~ "/*/*")', passes: ["/\udcfe"] },
  { where: 'text ~ "a??b"', passes: ["aéb", "aaab", "abab"] },
  { where: 'text ~ "??????"', passes: ["日本"] },
  { where: 'text ~ "a?c"', passes: ["abc", "a*c", "a?c", "a-c"] },
  { where: 'text ~ "a\\\\?c"', passes: ["a?c"] },
  { where: 'text ~ "a\\\\*c"', passes: ["a*c"] },
  { where: 'text ~ "a\\\\bc"', passes: ["abc"] },
  { where: 'text ~ "1*"', passes: ["1", "1234", "1*"] },
  { where: 'text ~ "1"', passes: ["1"] },
  { where: 'text ~ "1?"', passes: ["1*"] },
  { where: 'text ~ "!a"', passes: ["!a"] },
  { where: 'text ~ "!*"', passes: ["!a"] },
  { where: 'text ~ "[ab]"', passes: ["a", "b"] },
  { where: 'text ~ "[a-c]"', passes: ["a", "b"] },
  { where: 'text ~ "[!a]b*"', passes: [] },
  { where: 'text ~ "[!b]"', passes: ["a", "1", "]", "-", "\\", "'", '"', "\udcff"] },
  { where: 'text ~ "a[!a-c]c"', passes: ["a*c", "a?c", "a-c"] },
  { where: 'text ~ "a[-x]c"', passes: ["a-c"] },
  { where: 'text ~ "a[x-]c"', passes: ["a-c"] },
  { where: 'text ~ "[]]"', passes: ["]"] },
  { where: 'text ~ "[!]]"', passes: ["a", "b", "1", "-", "\\", "'", '"', "\udcff"] },
  { where: 'text ~ "\\\\[ab]"', passes: ["[ab]"] },
  { where: 'text ~ "[ab"', passes: [] },
  { where: 'text ~ "[[]ab*"', passes: ["[ab]"] },
  { where: 'text ~ "[c-a]"', passes: [] },
  { where: 'text ~ "[\\\\]"', passes: ["\\"] },
  { where: 'text ~ "\\\\\\\\"', passes: ["\\"] },
  { where: 'text ~ "a\\\\"', passes: ["a"] },
  { where: 'text ~ "*\\\\\\\\"', passes: ["\\", "a\\"] },
  { where: 'text ~ "*[0-9]"', passes: ["1", "1234", "a) || (1"] },
  {
    where: 'text ~ "*[!0-9a-z]*[!x]"',
    passes: [
      "aXbXc",
      "/etc/passwd",
      "/etc/ssh/key",
      "/usr/lib/libc.so",
      "!a",
      "a*c",
      "a?c",
      "[ab]",
      "a-c",
      "a b",
      "é",
      "aéb",
      "日本",
      "a\"b'c",
      "a) || (1",
      "/\udcfe",
    ],
  },
  { where: 'text ~ "*é*"', passes: ["é", "aéb"] },
  { where: 'text ~ "日?*"', passes: ["日本"] },
  { where: 'text ~ "*.so" || text == "1"', passes: ["/usr/lib/libc.so", "1"] },
];
