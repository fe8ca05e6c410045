import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importedPackages, layerFaults } from "./layers.mjs";

test("imports go downward only", () => {
  assert.equal(layerFaults(fileURLToPath(new URL("..", import.meta.url))), []);
});

test("an import that goes up, and a package without a layer, are found", () => {
  const root = mkdtempSync(join(tmpdir(), "kernscope-layers-"));
  try {
    for (const name of ["perf", "unheard-of"]) mkdirSync(join(root, "packages", name, "src"), { recursive: true });
    writeFileSync(join(root, "packages/perf/src/a.ts"), 'import { Task } from "@kernscope/process-cache";');
    writeFileSync(join(root, "packages/perf/src/b.test.ts"), 'import { requires } from "@kernscope/test-support";');
    assert.is(layerFaults(root).length, 2);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("every form of import is seen", () => {
  const text = 'export { a } from "@kernscope/perf";\nawait import("@kernscope/sensor");\nimport "@kernscope/cli";';
  assert.equal(importedPackages(text), ["perf", "sensor", "cli"]);
});

test.run();
