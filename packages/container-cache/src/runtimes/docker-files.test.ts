import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FakeHost } from "../testing/fake-host.js";

const A = "aa".repeat(32);

test("a container that goes while its file is read is not told of again", async () => {
  const root = mkdtempSync(join(tmpdir(), "docker-files-"));
  const folder = join(root, "containers", A);
  mkdirSync(folder, { recursive: true });
  // Each of them is looked into between reading the file and telling of it, which takes longer than to remove the folder.
  const others = Array.from({ length: 2000 }, (_, index) => join(root, `other-${index}`));
  {
    await using host = await FakeHost.open({ dockerRoots: [root, ...others] });
    const start = host.time();
    const write = (name: string) => {
      const State = { Running: false, ExitCode: 3, Pid: 1, StartedAt: start, FinishedAt: start };
      const config = { ID: A, Name: `/${name}`, Created: start, Config: { Image: "shop:1", Labels: {} }, State };
      writeFileSync(join(folder, "new"), JSON.stringify(config));
      renameSync(join(folder, "new"), join(folder, "config.v2.json"));
    };
    write("web");
    await host.until(() => host.seen.includes("aa exited 3"));
    write("shop");
    await setTimeout(5);
    rmSync(folder, { recursive: true });
    await host.until(() => host.cache.stats().stale > 0);
    assert.equal(host.seen.slice(-1), ["aa destroyed"]);
    assert.is(host.cache.lookupContainer(A), undefined);
  }
  rmSync(root, { recursive: true });
});

test.run();
