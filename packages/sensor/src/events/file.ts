import { and, type Expression, like, not, or, toKernelFilter } from "@kernscope/expression";
import { dentryDepth } from "../dentry-path.js";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { fieldTypes } from "../field-table.js";
import { identifiersOf } from "../identifiers.js";
import type { KernelSupport } from "../kernel-support.js";
import { canFollowMounts } from "../mount-changes.js";
import type { PlainFilter } from "../subscription-request.js";
import type { EventFamily } from "./family.js";
import { fileFields } from "./file-payload.js";
import { type FileProbe, fileProbes } from "./file-probes.js";
import { eventOf, openFileEvents } from "./file-source.js";

const remedy = "needs a kernel with kprobes and BTF (CONFIG_KPROBE_EVENTS, CONFIG_DEBUG_INFO_BTF)";
const refusal = "the kernel tells of files by kprobes alone";

/** What happens to files, by kernel probes: names and arguments are the kernel's own copies. */
export const fileEvents: EventFamily<PlainFilter> = {
  kinds: [
    "file.open",
    "file.create",
    "file.delete",
    "file.link",
    "file.rename",
    "file.modify",
    "file.open-for-modify",
    "file.close-for-modify",
    "file.attribute-change",
  ],
  fields: ({ kind }) => fileFields(kind),
  async service(kind, kernel) {
    const probes = await fileProbes(kind, kernel);
    if (probes === undefined) return { sources: [], lacks: [refusal], remedies: [remedy] };
    return { sources: probes.map(eventOf), lacks: await lacksOf(kind, probes, kernel), remedies: [] };
  },
  async plan({ kind, where }, kernel) {
    const probes = await planProbes(kind, where, kernel);
    const cut = where === undefined || !names(kind, where) ? undefined : cutNames(probes);
    return {
      key: `${kind} ${probes.map(({ filter }) => `[${filter}]`).join(" ")}`,
      kernel: probes.map((probe) => ({ event: eventOf(probe), filter: probe.filter })),
      // Names are put together here.
      rest: where,
      lacks: cut === undefined ? [] : [`${kind}: ${cut}`],
      open: (context, sink) => openFileEvents(kind, probes, kernel, context, sink),
    };
  },
};

const stacked =
  "on a file system that lies on another one (overlayfs) what open(2) creates is told once for each of them";
const lacks: Readonly<Record<string, readonly string[]>> = {
  "file.create": [stacked],
  "file.modify": ["what is written through mmap(2) is not seen"],
  "file.open": [
    "names are as they were given: links are not followed, and a name relative to a descriptor is looked up after",
    "a name relative to a directory that is not known is told as it is: conditions on names pass it where it may be meant",
  ],
};

async function lacksOf(kind: EventKind, probes: readonly FileProbe[], kernel: KernelSupport): Promise<string[]> {
  const found = [...(lacks[kind] ?? [])];
  const cut = cutNames(probes);
  if (cut !== undefined) found.push(cut);
  if (kind !== "file.open" && !(await canFollowMounts(kernel))) {
    found.push("the kernel does not tell of all changes of mounts: no name is told as resolved");
  }
  return found;
}

/** What is said of long paths; `undefined`: nothing, names are as they were given. */
function cutNames(probes: readonly FileProbe[]): string | undefined {
  const depths = probes.map(({ args }) => dentryDepth(args, "p")).filter((depth) => depth > 0);
  if (depths.length === 0) return undefined;
  const most = Math.min(...depths);
  return (
    `of a path of ${most} names or more, counted from the root of its file system, the last ${most} alone are known: ` +
    "it is told without a / before them, and conditions on names pass it where it may be meant"
  );
}

/** Whether a condition is on a name. */
function names(kind: EventKind, where: Expression): boolean {
  const types = fieldTypes(fileFields(kind));
  return [...identifiersOf(where)].some((name) => types[name] === "string");
}

async function planProbes(
  kind: EventKind,
  where: Expression | undefined,
  kernel: KernelSupport,
): Promise<readonly FileProbe[]> {
  const probes = await fileProbes(kind, kernel);
  if (probes === undefined) throw new SensorError("unsupported", `newSubscription(${kind}): ${refusal} – ${remedy}`);
  if (kind !== "file.open" || where === undefined) return probes;
  const filter = openFilter(where);
  return probes.map((probe) => ({ ...probe, filter }));
}

/** What the kernel can evaluate of a condition on opens. */
function openFilter(where: Expression): string {
  // A relative name can turn out to be one that is wanted.
  const relative = not(like("filename", "/*"));
  const isOfName = (part: Expression) => identifiersOf(part).has("filename");
  const parts = where.type === "and" ? where.operands : [where];
  const [first, ...others] = parts.map((part) => (isOfName(part) ? or(part, relative) : part));
  // Of the mode the event has a part only; the flags are those of the probe.
  const { filter = "" } = toKernelFilter(and(first!, ...others), fieldTypes(fileFields("file.open")), {
    fields: { mode: null },
  });
  return filter;
}
