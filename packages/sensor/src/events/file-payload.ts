import { TextEnd } from "@kernscope/expression";
import type { TraceFields } from "@kernscope/perf";
import type { Task } from "@kernscope/process-cache";
import { dentryPath } from "../dentry-path.js";
import type { EventKind } from "../event-kinds.js";
import { type FieldContent, type FieldTable, field } from "../field-table.js";
import { givenName } from "../given-name.js";
import { FileEventType, FileNameSource, type FilePayload } from "../payload.js";
import type { TaskMounts } from "../task-mounts.js";
import type { WorkingDirectories } from "../working-directories.js";
import type { FileAction } from "./file-probes.js";

/** Bits of a mode that are asked for: not the type of the file. */
const PERMISSIONS = 0o7777;

const filename = field<FilePayload>("string", (value) => nameOf(value, value.filename));
const common: FieldTable = { filename };
const fields: Readonly<Record<string, FieldTable>> = {
  "file.open": {
    filename,
    flags: field<FilePayload>("int32", ({ openFlags }) => openFlags),
    mode: field<FilePayload>("int32", ({ openMode }) => openMode),
  },
  "file.create": { filename, mode: field<FilePayload>("int32", ({ openMode }) => openMode) },
  "file.link": {
    source_file: field<FilePayload>("string", (value) =>
      value.symlink ? value.sourceFile : nameOf(value, value.sourceFile),
    ),
    target_file: field<FilePayload>("string", (value) => nameOf(value, value.targetFile)),
    symlink: field<FilePayload>("bool", ({ symlink }) => symlink),
  },
  "file.rename": {
    oldname: field<FilePayload>("string", (value) => nameOf(value, value.oldname)),
    newname: field<FilePayload>("string", (value) => nameOf(value, value.newname)),
  },
};

/** The fields of a kind's conditions. */
export function fileFields(kind: EventKind): FieldTable {
  return fields[kind] ?? common;
}

function nameOf({ partial }: FilePayload, name: string | undefined): FieldContent {
  if (partial !== true || name === undefined || name.startsWith("/")) return name;
  return new TextEnd(name === "" ? "" : `/${name}`);
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

/** What is fetched of an open. */
interface OpenFields {
  readonly filename: string;
  readonly flags: number;
  readonly mode: number;
  readonly dfd: number;
}

/** By what names are put together. */
export interface Places {
  readonly mounts: TaskMounts;
  readonly directories: WorkingDirectories;
}

/** Makes the payload of what a probe fetched of a task's call, `elapsed` being when. */
export function readFilePayload(
  kind: EventKind,
  action: FileAction,
  data: TraceFields,
  task: Task,
  elapsed: number,
  places: Places,
): FilePayload {
  const type = types[kind]!;
  if (action === "open") return readOpen(type, data as unknown as OpenFields, task, places.directories);
  const { mounts } = places;
  const nameSource = FileNameSource.DIRECTORY_ENTRY;
  const { path, resolved, partial } = dentryPath(data, "p", task, elapsed, mounts);
  switch (action) {
    case "create":
      return marked(
        { type, filename: path, openMode: (data.mode as number) & PERMISSIONS, resolved, nameSource },
        partial,
      );
    case "link": {
      const source = dentryPath(data, "s", task, elapsed, mounts);
      const both = resolved && source.resolved;
      return marked(
        { type, sourceFile: source.path, targetFile: path, symlink: false, resolved: both, nameSource },
        partial || source.partial,
      );
    }
    case "symlink":
      return marked(
        { type, sourceFile: data.text as string, targetFile: path, symlink: true, resolved, nameSource },
        partial,
      );
    case "rename": {
      const source = dentryPath(data, "s", task, elapsed, mounts);
      const both = resolved && source.resolved;
      return marked(
        { type, oldname: source.path, newname: path, resolved: both, nameSource },
        partial || source.partial,
      );
    }
    default:
      return marked({ type, filename: path, resolved, nameSource }, partial);
  }
}

function readOpen(type: number, data: OpenFields, task: Task, directories: WorkingDirectories): FilePayload {
  const { filename: name, flags, mode, dfd } = data;
  const given = givenName(name, dfd, task, (each) => directories.of(each));
  const payload = { type, ...given, openFlags: flags, openMode: mode & PERMISSIONS, resolved: false };
  return marked(payload, !given.filename.startsWith("/"));
}

function marked(payload: FilePayload, partial: boolean): FilePayload {
  return partial ? { ...payload, partial } : payload;
}
