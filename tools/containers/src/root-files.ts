import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programs } from "./install.js";
import { succeed } from "./program.js";

const applets = ["sh", "sleep", "true", "cat", "kill", "tail", "dd", "echo", "mkdir"];

/** Makes a root file system with nothing but busybox in `folder`. */
export function makeRoot(folder: string): string {
  for (const name of ["bin", "dev", "proc", "sys", "tmp", "etc"]) mkdirSync(join(folder, name), { recursive: true });
  cpSync(programs.busybox.path, join(folder, "bin/busybox"), { dereference: true });
  for (const applet of applets) symlinkSync("busybox", join(folder, "bin", applet));
  return folder;
}

/** Packs a root file system as an image that `docker load`, `ctr images import` and `podman load` take. */
export async function packImage(folder: string, root: string, name: string): Promise<string> {
  const parts = join(folder, "image");
  mkdirSync(parts, { recursive: true });
  await succeed("tar", ["-C", root, "-cf", join(parts, "layer.tar"), "."]);
  const layer = createHash("sha256")
    .update(readFileSync(join(parts, "layer.tar")))
    .digest("hex");
  // As the image of a pod's sandbox it has to stay.
  const config = JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: { Env: ["PATH=/bin"], Cmd: ["sleep", "1000000"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
    history: [{ created: "2024-01-01T00:00:00Z" }],
  });
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  writeFileSync(join(parts, configName), config);
  const manifest = [{ Config: configName, RepoTags: [name], Layers: ["layer.tar"] }];
  writeFileSync(join(parts, "manifest.json"), JSON.stringify(manifest));
  const file = join(folder, "image.tar");
  await succeed("tar", ["-C", parts, "-cf", file, "manifest.json", configName, "layer.tar"]);
  return file;
}
