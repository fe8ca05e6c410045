import { and, type Expression, like, not, or, toKernelFilter } from "@kernscope/expression";
import type { SampleRecord, TraceFields } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import { CallsUnderWay } from "../calls-under-way.js";
import { dentryPath } from "../dentry-path.js";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { type FieldTable, field, fieldTypes } from "../field-table.js";
import { givenName } from "../given-name.js";
import { identifiersOf } from "../identifiers.js";
import type { KernelSupport } from "../kernel-support.js";
import { MountTables } from "../mount-table.js";
import { FileEventType, FileNameSource, type FilePayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import type { PlainFilter } from "../subscription-request.js";
import { WorkingDirectories } from "../working-directories.js";
import type { CloseEvents, EventFamily, EventSink, FamilyContext } from "./family.js";
import { type FileProbe, fileProbes } from "./file-probes.js";

const filename = field<FilePayload>("string", (value) => value.filename);
const fileFields: FieldTable = { filename };
const fields: Readonly<Record<string, FieldTable>> = {
  "file.open": {
    filename,
    flags: field<FilePayload>("int32", ({ openFlags }) => openFlags),
    mode: field<FilePayload>("int32", ({ openMode }) => openMode),
  },
  "file.create": { filename, mode: field<FilePayload>("int32", ({ openMode }) => openMode) },
  "file.link": {
    source_file: field<FilePayload>("string", ({ sourceFile }) => sourceFile),
    target_file: field<FilePayload>("string", ({ targetFile }) => targetFile),
    symlink: field<FilePayload>("bool", ({ symlink }) => symlink),
  },
  "file.rename": {
    oldname: field<FilePayload>("string", ({ oldname }) => oldname),
    newname: field<FilePayload>("string", ({ newname }) => newname),
  },
};
/** Bits of a mode that are asked for: not the type of the file. */
const PERMISSIONS = 0o7777;
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
  fields: ({ kind }) => fields[kind] ?? fileFields,
  async service(kind, kernel) {
    const probes = await fileProbes(kind, kernel);
    if (probes === undefined) return { sources: [], lacks: [refusal], remedies: [remedy] };
    return { sources: probes.map(eventOf), lacks: lacks[kind] ?? [], remedies: [] };
  },
  async plan({ kind, where }, kernel) {
    const probes = await planProbes(kind, where, kernel);
    return {
      key: `${kind} ${probes.map(({ filter }) => `[${filter}]`).join(" ")}`,
      kernel: probes.map((probe) => ({ event: eventOf(probe), filter: probe.filter })),
      // Names are put together here.
      rest: where,
      open: (context, sink) => open(kind, probes, kernel, context, sink),
    };
  },
};

/** What is fetched of an open. */
interface OpenFields {
  readonly filename: string;
  readonly flags: number;
  readonly mode: number;
  readonly dfd: number;
}

const stacked =
  "on a file system that lies on another one (overlayfs) what open(2) creates is told once for each of them";
const lacks: Readonly<Record<string, readonly string[]>> = {
  "file.create": [stacked],
  "file.modify": ["what is written through mmap(2) is not seen"],
  "file.open": [
    "names are as they were given: links are not followed, and a name relative to a descriptor is looked up after",
  ],
};

async function planProbes(
  kind: EventKind,
  where: Expression | undefined,
  kernel: KernelSupport,
): Promise<readonly FileProbe[]> {
  const probes = await fileProbes(kind, kernel);
  if (probes === undefined) throw new SensorError("unsupported", `newSubscription(${kind}): ${refusal} – ${remedy}`);
  if (kind !== "file.open" || where === undefined) return probes;
  // A relative name can turn out to be one that is wanted.
  const relative = not(like("filename", "/*"));
  const parts = (where.type === "and" ? where.operands : [where]).map((part) =>
    identifiersOf(part).has("filename") ? or(part, relative) : part,
  );
  const condition = and(...(parts as [Expression]));
  const { filter = "" } = toKernelFilter(condition, fieldTypes(fields[kind]!), { fields: { mode: null, flags: null } });
  return probes.map((probe) => ({ ...probe, filter }));
}

async function open(
  kind: EventKind,
  probes: readonly FileProbe[],
  kernel: KernelSupport,
  context: FamilyContext,
  sink: EventSink,
): Promise<CloseEvents> {
  const { monitor, processCache } = context;
  const mounts = new MountTables();
  const directories = new WorkingDirectories(processCache, mounts);
  const calls = new CallsUnderWay<FilePayload>();
  let unfollow = () => {};
  const register = async (registrations: Registrations) => {
    const types = kind === "file.open" ? await kernel.types() : undefined;
    if (types !== undefined) unfollow = await directories.follow(context, registrations, types);
    for (const probe of probes) await registerProbe(probe, registrations);
  };
  const registerProbe = async (probe: FileProbe, registrations: Registrations) => {
    const { function: name, args, filter, atReturn, lossType } = probe;
    const sample = { cgroup: true };
    if (atReturn) {
      await registrations.kprobe<TraceFields>(
        name,
        (record, data) => {
          const value = calls.return(record.tid, name);
          const result = data.result as number;
          if (value === undefined || (result < 0 && result >= -4095)) return;
          sink.emit(record, processCache.lookupTask(record.tid), { case: "file", value });
        },
        { onReturn: true, maxActive: 256, args: { result: "$retval:s32" }, sample },
        lossType,
      );
    }
    await registrations.kprobe<TraceFields>(
      name,
      (record: SampleRecord, data) => {
        if (record.pid === process.pid) return;
        const task = processCache.lookupTask(record.tid);
        const value = read(kind, probe, data, task, { mounts, directories });
        if (!atReturn) sink.emit(record, task, { case: "file", value });
        else calls.enter(record.tid, name, value, data.sp as number | bigint | undefined);
      },
      { args, filter, sample },
      lossType,
    );
  };
  try {
    const close = await Registrations.open(monitor, (id, type) => sink.owns(id, type), register);
    return () => {
      unfollow();
      return close();
    };
  } catch (error) {
    unfollow();
    throw error;
  }
}

const types: Readonly<Record<string, number>> = {
  "file.open": FileEventType.OPEN,
  "file.create": FileEventType.CREATE,
  "file.delete": FileEventType.DELETE,
  "file.link": FileEventType.LINK,
  "file.rename": FileEventType.RENAME,
  "file.modify": FileEventType.MODIFY,
  "file.open-for-modify": FileEventType.OPEN_FOR_MODIFY,
  "file.close-for-modify": FileEventType.CLOSE_FOR_MODIFY,
  "file.attribute-change": FileEventType.ATTRIBUTE_CHANGE,
};

/** By what names are put together. */
interface Places {
  readonly mounts: MountTables;
  readonly directories: WorkingDirectories;
}

function read(kind: EventKind, { action }: FileProbe, data: TraceFields, task: Task, places: Places): FilePayload {
  const { mounts, directories } = places;
  const type = types[kind]!;
  const nameSource = FileNameSource.DIRECTORY_ENTRY;
  const { path, resolved } = dentryPath(data, "p", task, mounts);
  switch (action) {
    case "open": {
      const { filename: name, flags, mode, dfd } = data as unknown as OpenFields;
      const given = givenName(name, dfd, task, (each) => directories.of(each));
      return { type, ...given, openFlags: flags, openMode: mode & PERMISSIONS, resolved: false };
    }
    case "create":
      return { type, filename: path, openMode: (data.mode as number) & PERMISSIONS, resolved, nameSource };
    case "link": {
      const source = dentryPath(data, "s", task, mounts);
      const both = resolved && source.resolved;
      return { type, sourceFile: source.path, targetFile: path, symlink: false, resolved: both, nameSource };
    }
    case "symlink":
      return { type, sourceFile: data.text as string, targetFile: path, symlink: true, resolved, nameSource };
    case "rename": {
      const source = dentryPath(data, "s", task, mounts);
      return { type, oldname: source.path, newname: path, resolved: resolved && source.resolved, nameSource };
    }
    default:
      return { type, filename: path, resolved, nameSource };
  }
}

function eventOf({ function: name, atReturn }: FileProbe): string {
  return `${atReturn ? "kretprobe" : "kprobe"}:${name}`;
}
