import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

// The reader knows nothing of Node, so its test is C++ of its own, under the sanitizers.
const native = fileURLToPath(new URL("../native", import.meta.url));
const sources = [
  ...readdirSync(join(native, "test"))
    .filter((name) => name.endsWith(".cc"))
    .map((name) => join(native, "test", name)),
  ...[
    "close_events",
    "follow_cpus",
    "merge",
    "new_stack",
    "perf_event",
    "reader",
    "reader_thread",
    "sample_layout",
    "stack_completer",
    "stack_stash",
    "work_thread",
  ].map((name) => join(native, `${name}.cc`)),
];

for (const [name, sanitizers] of [
  ["address and undefined behaviour", "address,undefined"],
  ["threads", "thread"],
] as const) {
  test(`rings, merge, record layout and reader, under the sanitizers of ${name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "kernscope-native-"));
    try {
      const program = join(folder, "test");
      const flags = ["-std=c++20", "-O1", "-g", `-fsanitize=${sanitizers}`, "-fno-sanitize-recover=all"];
      execFileSync(process.env.CXX ?? "c++", [...flags, ...sources, "-o", program, "-lpthread"], { stdio: "pipe" });
      const output = execFileSync(program, { encoding: "utf8" });
      const checks = Number(/^(\d+) checks$/m.exec(output)?.[1]);
      assert.ok(checks > 1_000_000, output);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
