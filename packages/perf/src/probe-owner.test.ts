import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Liveness, probeName, probeOwner, thisProcess } from "./probe-owner.js";

test("names tell who made a probe, and fit into tracefs", async () => {
  const owner = await thisProcess();
  const name = probeName(owner, "0a1b2c3d", 17);
  assert.equal(probeOwner(name), owner);
  assert.match(name, /^kernscope\/p\d+_\d+_\d+_0a1b2c3d_17$/);
  const longest = probeName(
    { namespace: "4294967295", pid: 4_194_304, startTime: "999999999999" },
    "ffffffff",
    9_999_999,
  );
  assert.ok((longest.split("/")[1]?.length ?? 99) < 64);
  for (const other of ["kernscope/x", "kprobes/p1_2_3_a_4", "kernscope/p1_2_3_a_4/x", "", "kernscope/p1_2_a_4"]) {
    assert.is(probeOwner(other), undefined, other);
  }
});

test("living processes are told from dead ones and from those that have their pid now", async () => {
  const here = await thisProcess();
  const liveness = new Liveness(here.namespace);
  assert.ok(await liveness.isAlive(here));
  assert.not.ok(await liveness.isAlive({ ...here, startTime: "1" }));
  const child = spawn("sleep", ["60"]);
  const pid = child.pid ?? 0;
  // The name, in parentheses, has neither a space nor a parenthesis here.
  const startTime = readFileSync(`/proc/${pid}/stat`, "latin1").split(" ")[21] ?? "";
  const other = { ...here, pid, startTime };
  assert.ok(await liveness.isAlive(other));
  const over = once(child, "exit");
  child.kill("SIGKILL");
  await over;
  assert.not.ok(await liveness.isAlive(other));
});

test("other pid namespaces: dead only where this one sees that nobody is in them", async () => {
  const here = await thisProcess();
  const elsewhere = { ...here, namespace: "1" };
  assert.ok(await new Liveness("2").isAlive(elsewhere));
  if (here.namespace === "4026531836") assert.not.ok(await new Liveness(here.namespace).isAlive(elsewhere));
});

test.run();
