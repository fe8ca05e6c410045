import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readBounded } from "./bounded-file.js";
import { parseJson, textAt } from "./json.js";
import type { RuntimeContext } from "./runtime.js";

/** Below a state folder of containerd: the bundles of its tasks, by namespace and id. */
export const TASKS = "io.containerd.runtime.v2.task";

/** The OCI configuration of a task of containerd's; empty where it does not run, or the file is too large. */
export async function readBundle(
  states: readonly string[],
  namespace: string,
  id: string,
  context: RuntimeContext,
): Promise<string> {
  for (const state of states) {
    const text = await readOciConfig(join(state, TASKS, namespace, id), context);
    if (text !== "") return text;
  }
  return "";
}

/** The configuration in a bundle's folder; empty also while it is being written: podman does not write it beside and rename it. */
export async function readOciConfig(bundle: string, context: RuntimeContext): Promise<string> {
  const read = await readBounded(join(bundle, "config.json"), context.maxConfig);
  if (read?.large) context.oversized();
  const text = read?.text ?? "";
  return parseJson(text) === undefined ? "" : text;
}

/** Path of the cgroup that an OCI configuration asks for; empty where it does not say, or in a way that is not known. */
export function cgroupPathOf(ociConfig: string): string {
  const path = textAt(parseJson(ociConfig), "linux", "cgroupsPath");
  if (path.startsWith("/")) return path.replace(/\/+$/, "");
  // SLICE:PREFIX:NAME of systemd's driver; a slice lies in those that its name names.
  const [slice = "", prefix = "", name = ""] = path.split(":");
  if (name === "" || !/^[^/]*$/.test(slice)) return "";
  const scope = name.endsWith(".slice") ? name : `${prefix === "" ? name : `${prefix}-${name}`}.scope`;
  return `${slicePath(slice || "system.slice")}/${scope}`;
}

function slicePath(slice: string): string {
  const parts = slice.replace(/\.slice$/, "").split("-");
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("-")}.slice`).join("");
}

/** Names in a folder; none where it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
