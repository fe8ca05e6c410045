import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolveInRoot } from "./root-path.js";

test("links and dots stay below the root", async () => {
  const root = await mkdtemp(join(tmpdir(), "root-"));
  try {
    await mkdir(join(root, "usr/lib"), { recursive: true });
    await writeFile(join(root, "usr/lib/libx.so.1.2"), "");
    await symlink("libx.so.1.2", join(root, "usr/lib/libx.so"));
    await symlink("usr/lib", join(root, "lib"));
    await symlink("/usr/lib", join(root, "lib64"));
    await symlink("../../../../usr/lib", join(root, "usr/up"));
    await symlink("/loop", join(root, "loop"));
    const library = join(root, "usr/lib/libx.so.1.2");
    for (const path of [
      "/lib/libx.so",
      "/lib64/libx.so",
      "/usr/up/libx.so",
      "/../../lib64/./libx.so",
      "/lib/../lib/libx.so",
    ]) {
      assert.is(await resolveInRoot(root, path), library, path);
    }
    assert.is(await resolveInRoot(root, "/none/../none"), join(root, "none"));
    assert.is(await resolveInRoot("/", "/"), "/");
    const error = await resolveInRoot(root, "/loop/x").catch((error) => error);
    assert.is(error.errno, "ELOOP");
  } finally {
    await rm(root, { recursive: true });
  }
});

test.run();
