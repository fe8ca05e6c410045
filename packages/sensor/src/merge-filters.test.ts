import { compare, parse, print } from "@kernscope/expression";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mergeFilters } from "./merge-filters.js";
import type { EventFilter } from "./subscription-request.js";

const exec = (filename: string): EventFilter => ({
  kind: "process.exec",
  where: compare("filename", "string", "eq", filename),
});
const texts = (filters: readonly EventFilter[]) =>
  filters.map((filter) => ("where" in filter && filter.where ? print(filter.where) : ""));

test("conditions of one kind are joined, unless one filter has none", () => {
  assert.equal(texts(mergeFilters([exec("/a"), exec("/b")])), ['filename == "/a" || filename == "/b"']);
  assert.equal(texts(mergeFilters([exec("/a"), { kind: "process.exec" }, exec("/b")])), [""]);
});

test("other arguments make other filters, in whatever order they are given", () => {
  const call = (args: Record<string, string>): EventFilter => ({
    kind: "kernel-call.enter",
    symbol: "do_exit",
    arguments: args,
  });
  assert.is(mergeFilters([call({ a: "$arg1", b: "$arg2" }), call({ b: "$arg2", a: "$arg1" })]).length, 1);
  assert.is(mergeFilters([call({ a: "$arg1" }), call({ a: "$arg2" })]).length, 2);
});

test("the fuller view has what the other one has", () => {
  const where = parse('name == "x"', { name: "string" });
  const [filter, ...others] = mergeFilters([
    { kind: "container.created", view: "full", where },
    { kind: "container.created", view: "basic", where },
  ]);
  assert.equal([others.length, (filter as { view: string }).view], [0, "full"]);
});

test("a thousand conditions are a few expressions, each within its limits", () => {
  const filters = Array.from({ length: 1000 }, (_, at) => exec(`/bin/${at}`));
  const merged = mergeFilters(filters);
  assert.ok(merged.length > 1 && merged.length < 10, `${merged.length}`);
  for (const text of texts(merged)) parse(text, { filename: "string" });
  assert.is(texts(merged).join(" || ").split(" || ").length, 1000);
});

test.run();
