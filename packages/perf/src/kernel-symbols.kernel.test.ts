import { readFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KernelSymbols } from "./kernel-symbols.js";

const onLinux = requires({ root: true });

onLinux("this kernel's", async () => {
  const here = await KernelSymbols.open();
  assert.equal(
    here.lookup("vfs_read").map(({ name }) => name),
    ["vfs_read"],
  );
  assert.is(here.resolve(["ks_none", "vfs_read"]).name, "vfs_read");
  const lines = readFileSync("/proc/kallsyms", "latin1").split("\n");
  const sampled = lines.filter((line, index) => line !== "" && index % Math.ceil(lines.length / 60) === 0);
  for (const line of sampled) {
    const [, address, , name = ""] = /^(\S+) (\S) (\S+)/.exec(line) ?? [];
    if (!/^[\w.$]+$/.test(name)) continue;
    assert.ok(
      here.lookup(name).some((symbol) => symbol.address === BigInt(`0x${address}`)),
      line,
    );
  }
});

test.run();
