import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ElfFile } from "./elf-file.js";
import { chooseElfSymbol, type ElfSymbol, findElfSymbols } from "./elf-symbols.js";
import { buildElf, CODE_ADDRESS, CODE_OFFSET, type ElfOptions } from "./testing/elf-builder.js";
import { Random } from "./testing/random.js";

async function withFile<T>(content: Uint8Array, body: (elf: ElfFile, path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "elf-"));
  try {
    const path = join(directory, "file");
    await writeFile(path, content);
    const file = await open(path);
    try {
      return await body(await ElfFile.read(file, path), path);
    } finally {
      await file.close();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

function find(options: ElfOptions, name: string): Promise<ElfSymbol[]> {
  return withFile(buildElf(options), (elf) => findElfSymbols(elf, name));
}

const symbols = [
  { name: "main", address: CODE_ADDRESS + 0x10, size: 32 },
  { name: "mainly", address: CODE_ADDRESS + 0x20 },
  { name: "data", address: CODE_ADDRESS + 0x30, type: 1 },
  { name: "elsewhere", address: 0, undefined: true },
  { name: "twice", address: CODE_ADDRESS + 0x40, local: true },
  { name: "twice", address: CODE_ADDRESS + 0x50, local: true },
  { name: "shadowed", address: CODE_ADDRESS + 0x60, local: true },
  { name: "shadowed", address: CODE_ADDRESS + 0x70 },
  { name: "chosen", address: CODE_ADDRESS + 0x80, type: 10 },
  { name: "versioned@@V2", address: CODE_ADDRESS + 0x90 },
  { name: "versioned@V1", address: CODE_ADDRESS + 0xa0 },
];

for (const form of [{}, { bigEndian: true }, { bits: 32 }] as const) {
  const name = `${"bits" in form ? 32 : 64}-bit ${"bigEndian" in form ? "big" : "little"}-endian`;

  test(`${name}: symbols, offsets, build id`, async () => {
    await withFile(buildElf({ ...form, symbols, buildId: "00ff10" }), async (elf) => {
      assert.is(elf.buildId, "00ff10");
      const [main, ...others] = await findElfSymbols(elf, "main");
      assert.equal(others, []);
      assert.equal(main, {
        name: "main",
        version: undefined,
        isDefault: true,
        address: BigInt(CODE_ADDRESS + 0x10),
        size: 32n,
        local: false,
        indirect: false,
      });
      assert.is(elf.offsetOf(main?.address ?? 0n), CODE_OFFSET + 0x10);
      assert.is(elf.offsetOf(1n), undefined);
      assert.equal(
        [elf.isCode(CODE_OFFSET), elf.isCode(CODE_OFFSET - 1), elf.isCode(CODE_OFFSET + 0x1000)],
        [true, false, false],
      );
      for (const none of ["mai", "elsewhere", "data", "", "main\0"]) {
        assert.equal(await findElfSymbols(elf, none), [], none);
      }
    });
  });

  test(`${name}: versions of dynamic symbols`, async () => {
    const dynamic = [
      { name: "foo", address: CODE_ADDRESS + 1 },
      { name: "foo", address: CODE_ADDRESS + 2 },
    ];
    const options = { ...form, dynamic, versions: [{ name: "V1", hidden: true }, { name: "V2" }] };
    const both = await find(options, "foo");
    assert.equal(
      both.map(({ version, isDefault }) => [version, isDefault]),
      [
        ["V1", false],
        ["V2", true],
      ],
    );
    assert.is(chooseElfSymbol(both, "foo", "x").address, BigInt(CODE_ADDRESS + 2));
    const [old, ...rest] = await find(options, "foo@V1");
    assert.equal([old?.address, rest.length], [BigInt(CODE_ADDRESS + 1), 0]);
    assert.is((await find(options, "foo@@V2"))[0]?.address, BigInt(CODE_ADDRESS + 2));
    assert.equal(await find(options, "foo@V3"), []);
  });
}

test("which of several", async () => {
  const choose = async (name: string) => chooseElfSymbol(await find({ symbols }, name), name, "/x").address;
  const refused = async (name: string) =>
    choose(name).then(
      () => assert.unreachable(name),
      (error) => error,
    );
  assert.is(await choose("shadowed"), BigInt(CODE_ADDRESS + 0x70));
  assert.is(await choose("versioned"), BigInt(CODE_ADDRESS + 0x90));
  assert.is(await choose("versioned@V1"), BigInt(CODE_ADDRESS + 0xa0));
  const twice = await refused("twice");
  assert.equal(
    [twice.code, twice.message],
    ["invalid", "symbol(/x, twice): 2 functions have this name, at 0x401040, 0x401050 – give an offset"],
  );
  assert.is((await refused("chosen")).code, "unsupported");
  assert.is((await refused("nothing")).code, "not_found");
});

test("the same function in both tables is one, with its version", async () => {
  const dynamic = [{ name: "foo", address: CODE_ADDRESS + 1 }];
  const found = await find({ symbols: dynamic, dynamic, versions: [{ name: "V1" }] }, "foo");
  assert.equal(
    found.map(({ version }) => version),
    ["V1"],
  );
});

test("a great table is looked through piece by piece", async () => {
  const symbols = Array.from({ length: 12_000 }, (_, index) => ({ name: `f${index}`, address: CODE_ADDRESS + index }));
  const dynamic = symbols.map(({ name, address }) => ({ name: `d${name}`, address: address + 20_000 }));
  const versions = dynamic.map((_, index) => ({ name: `V${index}` }));
  await withFile(buildElf({ symbols, dynamic, versions }), async (elf) => {
    // Pieces begin at multiples of 1365.
    for (const index of [0, 1364, 1365, 1366, 2729, 2730, 11_999]) {
      const [found, ...others] = await findElfSymbols(elf, `f${index}`);
      assert.equal([found?.address, others.length], [BigInt(CODE_ADDRESS + index), 0], String(index));
      const [other] = await findElfSymbols(elf, `df${index}`);
      assert.equal([other?.address, other?.version], [BigInt(CODE_ADDRESS + index + 20_000), `V${index}`]);
    }
  });
});

test("more symbols of one name than can be told apart are refused", async () => {
  const symbols = Array.from({ length: 5000 }, (_, index) => ({ name: "same", address: CODE_ADDRESS + index }));
  const refused = async (count: number) =>
    find({ symbols: symbols.slice(0, count) }, "same")
      .then((found) => chooseElfSymbol(found, "same", "/x"))
      .catch((error) => error);
  assert.match((await refused(5000)).message, /^symbol\(same\): more than 4096 symbols have this name/);
  assert.match((await refused(20)).message, /^symbol\(\/x, same\): 20 functions .*, 0x401007, … – give an offset$/);
});

test("files that lie are refused or found empty, and nothing else", async () => {
  const random = new Random(4711);
  const whole = buildElf({ symbols, dynamic: symbols, versions: symbols.map(({ name }) => ({ name })) });
  const directory = await mkdtemp(join(tmpdir(), "elf-"));
  const file = await open(join(directory, "file"), "w+");
  let refused = 0;
  try {
    for (let round = 0; round < 1500; round++) {
      const forged = Buffer.from(whole);
      for (let change = 1 + random.below(6); change > 0; change--) {
        // Headers and tables, not code.
        const at = random.below(2) === 0 ? random.below(64) : 0x2000 + random.below(forged.length - 0x2000);
        forged[at] = random.pick([0, 0xff, 0x7f, 0x80, 1, random.below(256)]);
      }
      const length = random.below(4) === 0 ? random.below(forged.length) : forged.length;
      await truncate(join(directory, "file"), 0);
      await file.write(forged.subarray(0, length), 0, length, 0);
      try {
        const elf = await ElfFile.read(file, "forged");
        for (const name of ["main", "versioned"]) await findElfSymbols(elf, name);
      } catch (error) {
        refused++;
        assert.is((error as { code?: string }).code, "invalid", String((error as Error).stack));
      }
    }
    assert.ok(refused > 300, `${refused} refused`);
  } finally {
    await file.close();
    await rm(directory, { recursive: true });
  }
});

const withReadelf = requires({ programs: ["/usr/bin/readelf"] });

withReadelf("agrees with readelf on the program that runs this", async () => {
  const file = await open(process.execPath);
  try {
    const elf = await ElfFile.read(file, process.execPath);
    const listing = execFileSync("/usr/bin/readelf", ["-W", "--dyn-syms", process.execPath], { maxBuffer: 1 << 28 });
    const functions = [
      ...listing.toString().matchAll(/^ +\d+: ([0-9a-f]{16}) +\d+ FUNC +GLOBAL +DEFAULT +\d+ (\w+)$/gm),
    ];
    assert.ok(functions.length > 50);
    for (const [, address, name = ""] of functions.filter(
      (_, index) => index % Math.ceil(functions.length / 40) === 0,
    )) {
      const found = await findElfSymbols(elf, name);
      assert.ok(
        found.some((symbol) => symbol.address === BigInt(`0x${address}`)),
        name,
      );
    }
    const notes = execFileSync("/usr/bin/readelf", ["-n", process.execPath]).toString();
    assert.is(elf.buildId, /Build ID: ([0-9a-f]+)/.exec(notes)?.[1]);
  } finally {
    await file.close();
  }
});

test.run();
