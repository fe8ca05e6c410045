import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ProcessLook } from "./process-look.js";

test("a process is a container's by its cgroup, not by its pid", () => {
  const root = mkdtempSync(join(tmpdir(), "proc-"));
  mkdirSync(join(root, "7"));
  writeFileSync(join(root, "7/cgroup"), "3:cpu:/\n0::/jobs/web\n");
  const look = new ProcessLook(root);
  assert.equal([look.lives(7), look.lives(8)], [true, false]);
  assert.is(look.isOf(7, { id: "web", cgroupPath: "" }), true);
  assert.is(look.isOf(7, { id: "x", cgroupPath: "/jobs/web" }), true);
  assert.is(look.isOf(7, { id: "shop", cgroupPath: "" }), false);
  assert.is(look.isOf(8, { id: "web", cgroupPath: "" }), false);
  rmSync(root, { recursive: true });
});

test.run();
