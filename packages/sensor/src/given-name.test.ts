import { closeSync, mkdtempSync, openSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Task } from "@kernscope/process-cache";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { givenName } from "./given-name.js";
import { FileNameSource as Source } from "./payload.js";

/** This process. */
const self = { pid: process.pid } as Task;
const AT_FDCWD = -100;

test("a relative name is put behind the directory that is known", () => {
  const named = (name: string, cwd?: string) => givenName(name, AT_FDCWD, self, () => cwd);
  assert.equal(named("/etc/../x", "/home"), { filename: "/etc/../x", nameSource: Source.GIVEN });
  assert.equal(named("././a/./b", "/home"), { filename: "/home/a/./b", nameSource: Source.WORKING_DIRECTORY });
  assert.equal(named("a", "/"), { filename: "/a", nameSource: Source.WORKING_DIRECTORY });
  assert.equal(named("a"), { filename: "a", nameSource: Source.GIVEN });
  assert.equal(named("a", "(unreachable)/x"), { filename: "a", nameSource: Source.GIVEN });
});

test("a descriptor's directory is the one it stands for, and none where it is closed or its directory deleted", () => {
  const folder = mkdtempSync(join(tmpdir(), "kernscope-name-"));
  const descriptor = openSync(folder, "r");
  const named = () => givenName("a", descriptor, self, () => "/wrong");
  assert.equal(named(), { filename: `${folder}/a`, nameSource: Source.DESCRIPTOR });
  rmdirSync(folder);
  assert.equal(named(), { filename: "a", nameSource: Source.GIVEN });
  closeSync(descriptor);
  assert.equal(
    givenName("a", 999_999, self, () => "/wrong"),
    { filename: "a", nameSource: Source.GIVEN },
  );
});

test.run();
