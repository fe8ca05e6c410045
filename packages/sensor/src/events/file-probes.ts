import { dentryArguments } from "../dentry-path.js";
import type { EventKind } from "../event-kinds.js";
import type { KernelSupport } from "../kernel-support.js";
import type { KernelTypes } from "../kernel-types.js";
import { LostRecordType } from "../payload.js";

/** What one probe tells of: a name for {@link FileProbe} to be read by. */
export type FileAction =
  | "open"
  | "create"
  | "delete"
  | "link"
  | "symlink"
  | "rename"
  | "openForModify"
  | "closeForModify"
  | "write"
  | "setattr";

/** A function of the kernel at which something happens to a file. */
export interface FileProbe {
  readonly action: FileAction;
  readonly function: string;
  readonly args: Readonly<Record<string, string>>;
  /** What of its calls count, in the kernel's language. */
  readonly filter: string;
  /** It has happened when the function returns without an error; else when it is called. */
  readonly atReturn: boolean;
  /** `LostRecordType`. */
  readonly lossType: number;
}

interface ProbeSpec {
  readonly action: FileAction;
  readonly functions: readonly string[];
  readonly atReturn?: boolean;
  readonly filter?: string;
  readonly lossType: number;
  readonly args: (of: Arguments) => Record<string, string>;
}

/** `f_mode` of a file that can be written to (FMODE_WRITE), and the types of files (stat(2)) that are not regular. */
const WRITABLE = "fmode & 2";
/** FMODE_NOACCOUNT: what a file system that lies on another one, such as overlayfs, has opened there is not the program's. */
const OWN = "!(fmode & 536870912)";
const REGULAR = "imode & 32768 && !(imode & 24576)";
/** `ia_valid` (linux/fs.h): mode, owner, group, times. A change of the size is one of the content. */
const ATTRIBUTES = "valid & 55 && !(valid & 8)";
const SIZE = "valid & 8";
/** MAY_WRITE. */
const WRITES = `mask & 2 && ${OWN} && ${REGULAR}`;

const named = (action: FileAction, functions: string, lossType: number, args: ProbeSpec["args"]): ProbeSpec => ({
  action,
  functions: [functions],
  atReturn: true,
  lossType,
  args: (of) => ({ ...args(of), sp: "$stack:u64" }),
});

const specs: Readonly<Record<string, readonly ProbeSpec[]>> = {
  "file.open": [
    {
      action: "open",
      functions: ["do_filp_open"],
      lossType: LostRecordType.SUBSCRIPTION,
      args: (of) => ({
        dfd: "$arg1:s32",
        filename: `+0(+${of.types.offset("filename", "name")}($arg2)):string`,
        flags: `+${of.types.offset("open_flags", "open_flag")}($arg3):s32`,
        mode: `+${of.types.offset("open_flags", "mode")}($arg3):u16`,
      }),
    },
  ],
  "file.create": [
    {
      action: "create",
      functions: ["security_inode_create"],
      lossType: LostRecordType.FILE_CREATE,
      args: (of) => ({ ...of.dentry("dentry"), mode: `${of.named("mode")}:u16` }),
    },
    named("create", "vfs_mkdir", LostRecordType.FILE_CREATE, (of) => ({
      ...of.dentry("dentry"),
      mode: `${of.named("mode")}:u16`,
    })),
    named("create", "vfs_mknod", LostRecordType.FILE_CREATE, (of) => ({
      ...of.dentry("dentry"),
      mode: `${of.named("mode")}:u16`,
    })),
  ],
  "file.delete": [
    named("delete", "vfs_unlink", LostRecordType.FILE_DELETE, (of) => of.dentry("dentry")),
    named("delete", "vfs_rmdir", LostRecordType.FILE_DELETE, (of) => of.dentry("dentry")),
  ],
  "file.link": [
    named("link", "vfs_link", LostRecordType.FILE_LINK, (of) => ({
      ...of.dentry("old_dentry", "s"),
      ...of.dentry("new_dentry"),
    })),
    named("symlink", "vfs_symlink", LostRecordType.FILE_SYMLINK, (of) => ({
      ...of.dentry("dentry"),
      text: `+0(${of.named("oldname")}):string`,
    })),
  ],
  "file.rename": [
    named("rename", "vfs_rename", LostRecordType.FILE_RENAME, (of) => ({
      ...dentryArguments(of.types, "s", of.member("renamedata", "old_dentry")),
      ...dentryArguments(of.types, "p", of.member("renamedata", "new_dentry")),
    })),
  ],
  "file.open-for-modify": [
    {
      action: "openForModify",
      functions: ["security_file_open"],
      filter: `${WRITABLE} && ${OWN} && ${REGULAR}`,
      lossType: LostRecordType.FILE_OPEN_MODIFY,
      args: (of) => of.file(),
    },
  ],
  "file.close-for-modify": [
    {
      action: "closeForModify",
      functions: ["__fput"],
      filter: `${WRITABLE} && ${OWN} && ${REGULAR}`,
      lossType: LostRecordType.FILE_CLOSE_MODIFY,
      args: (of) => of.file(),
    },
  ],
  "file.modify": [
    {
      action: "write",
      functions: ["security_file_permission"],
      filter: WRITES,
      lossType: LostRecordType.FILE_MODIFY,
      args: (of) => ({ ...of.file(), mask: "$arg2:s32" }),
    },
    {
      action: "write",
      functions: ["notify_change"],
      atReturn: true,
      filter: SIZE,
      lossType: LostRecordType.FILE_MODIFY,
      args: (of) => ({ ...of.dentry("dentry"), valid: `+0(${of.named("attr")}):u32`, sp: "$stack:u64" }),
    },
  ],
  "file.attribute-change": [
    {
      action: "setattr",
      functions: ["notify_change"],
      atReturn: true,
      filter: ATTRIBUTES,
      lossType: LostRecordType.FILE_ATTRIBUTE_CHANGE,
      args: (of) => ({ ...of.dentry("dentry"), valid: `+0(${of.named("attr")}):u32`, sp: "$stack:u64" }),
    },
  ],
};

/** The probes that a kind is made of on this kernel; `undefined` where one of them cannot be. */
export async function fileProbes(kind: EventKind, kernel: KernelSupport): Promise<FileProbe[] | undefined> {
  const types = kernel.kprobes ? await kernel.types() : undefined;
  if (types === undefined) return undefined;
  const probes: FileProbe[] = [];
  for (const { action, functions, atReturn = false, filter = "", lossType, args } of specs[kind] ?? []) {
    const name = await kernel.findFunction(functions);
    if (name === undefined) return undefined;
    try {
      probes.push({ action, function: name, args: args(new Arguments(types, name)), filter, atReturn, lossType });
    } catch {
      // A function or struct that is not what it was.
      return undefined;
    }
  }
  return probes;
}

/** Finds a function's arguments by their names in the kernel's types: their places change from kernel to kernel. */
class Arguments {
  readonly types: KernelTypes;
  readonly #names: readonly string[];

  constructor(types: KernelTypes, name: string) {
    this.types = types;
    this.#names = types.parameters(name);
  }

  named(name: string): string {
    const at = this.#names.indexOf(name);
    if (at < 0) throw new RangeError(`no argument ${name}`);
    return `$arg${at + 1}`;
  }

  dentry(name: string, prefix = "p"): Record<string, string> {
    return dentryArguments(this.types, prefix, this.named(name));
  }

  /** The address that a member of the first argument holds. */
  member(struct: string, name: string): string {
    return `+${this.types.offset(struct, name)}($arg1)`;
  }

  /** Path, mode and type of the `struct file` that is the first argument. */
  file(): Record<string, string> {
    const dentry = this.member("file", "f_path.dentry");
    const inode = `+${this.types.offset("inode", "i_mode")}(${this.member("file", "f_inode")}):u16`;
    return {
      ...dentryArguments(this.types, "p", dentry),
      fmode: `${this.member("file", "f_mode")}:u32`,
      imode: inode,
    };
  }
}
