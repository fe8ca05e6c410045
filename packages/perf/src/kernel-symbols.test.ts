import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PerfError } from "./errors.js";
import { KernelSymbols } from "./kernel-symbols.js";

const text = `ffffffff81000000 T _stext
ffffffff81000010 t do_open
ffffffff81000020 T do_open_more
ffffffff81000030 t size_show
ffffffff81000040 t size_show
ffffffff81000050 t gone.isra.0
ffffffff81000060 t gone.constprop.0
ffffffff81000070 t gone.constprop.0.cold
ffffffff81000080 t gone.part.0
ffffffff81000090 t gone.cold
ffffffff810000a0 D jiffies
ffffffff810000b0 t undo_open
ffffffff810000c0 t alone.isra.0
ffffffffa0000000 t do_open	[nf_nat]
ffffffffa0000010 t helper	[nf_nat]
ffffffffa0000020 t t	[helper]
ffffffffa0000030 t last.llvm.77	[helper]`;

const symbols = new KernelSymbols(Buffer.from(text));
const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);
const errorOf = (body: () => unknown): PerfError => {
  try {
    body();
  } catch (error) {
    return error as PerfError;
  }
  throw new Error("it did not throw");
};

test("exact names, in the kernel and in modules, all of them", () => {
  assert.equal(symbols.lookup("do_open"), [
    { name: "do_open", address: 0xffffffff81000010n, type: "t", module: undefined },
    { name: "do_open", address: 0xffffffffa0000000n, type: "t", module: "nf_nat" },
  ]);
  assert.is(symbols.lookup("do_open", { module: "nf_nat" })[0]?.module, "nf_nat");
  assert.is(symbols.lookup("do_open", { module: "" }).length, 1);
  assert.is(symbols.lookup("size_show").length, 2);
  assert.is(symbols.lookup("_stext").length, 1);
  assert.is(symbols.lookup("last.llvm.77").length, 1);
  assert.is(symbols.lookup("t").length, 1);
  assert.is(symbols.lookup("jiffies")[0]?.type, "D");
  for (const none of ["do_ope", "open", "o_open", "[nf_nat]", "", " ", "t do_open", "do_open\n", "gone"]) {
    assert.equal(symbols.lookup(none), [], none);
  }
});

test("what the compiler made of a function, without its cold parts", () => {
  assert.equal(names(symbols.variants("gone")), ["gone.isra.0", "gone.constprop.0"]);
  assert.equal(names(symbols.variants("last")), ["last.llvm.77"]);
  assert.equal(names(symbols.variants("do_open")), ["do_open", "do_open"]);
  assert.equal(names(symbols.variants("jiffies")), []);
});

test("one function is resolved, several are told, variants are named", () => {
  assert.is(symbols.resolve("helper").module, "nf_nat");
  assert.is(symbols.resolve(["no_more", "do_open_more", "helper"]).name, "do_open_more");
  assert.is(symbols.resolve("do_open", { module: "nf_nat" }).address, 0xffffffffa0000000n);
  const twice = errorOf(() => symbols.resolve("size_show"));
  assert.equal(
    [twice.code, twice.message],
    [
      "invalid",
      "kernelSymbol(size_show): 2 functions have this name: size_show (0xffffffff81000030), size_show (0xffffffff81000040)" +
        " – give the module or the address",
    ],
  );
  const alone = errorOf(() => symbols.resolve(["nope", "alone"]));
  assert.is(alone.code, "not_found");
  assert.match(alone.message, /kernelSymbol\(nope, alone\).* – it has alone\.isra\.0 \(0xffffffff810000c0\), whose/);
  assert.is(errorOf(() => symbols.resolve("jiffies")).code, "not_found");
});

test.run();
