import { constants } from "node:fs";
import { type FileEvent, FileEventType } from "@kernscope/telemetry-api";
import type { Account } from "../account.js";
import { quoted } from "../printable.js";

/** Of include/uapi/asm-generic/fcntl.h; Node has no names for them. */
const more = { O_CLOEXEC: 0o2000000, O_PATH: 0o10000000 };
/** The kernel sets it for every program of 64 bits, so that it says nothing. */
const O_LARGEFILE = process.arch === "arm64" ? 0o400000 : 0o100000;
/** Flags of open(2) beside the way of access, by their bits on this host. */
const flagNames = Object.entries({ ...constants, ...more }).filter(([name, bits]) => {
  return name.startsWith("O_") && bits !== 0 && (bits & 3) === 0;
});
const access = ["O_RDONLY", "O_WRONLY", "O_RDWR", "3"];

export function fileAccount(file: FileEvent): Account {
  const name = quoted(file.filename);
  switch (file.type) {
    case FileEventType.OPEN: {
      const flags = openFlags(file.openFlags);
      const creates = (file.openFlags & constants.O_CREAT) !== 0;
      return { what: "open", more: `${name} ${flags}${creates ? ` ${modeText(file.openMode)}` : ""}` };
    }
    case FileEventType.CREATE:
      return { what: "create", more: `${name} ${modeText(file.openMode)}` };
    case FileEventType.DELETE:
      return { what: "delete", more: name };
    case FileEventType.LINK: {
      const what = file.symlink ? "symlink" : "link";
      return { what, more: `${quoted(file.targetFile)} → ${quoted(file.sourceFile)}` };
    }
    case FileEventType.RENAME:
      return { what: "rename", more: `${quoted(file.oldname)} → ${quoted(file.newname)}` };
    case FileEventType.MODIFY:
      return { what: "modify", more: name };
    case FileEventType.OPEN_FOR_MODIFY:
      return { what: "open-for-modify", more: name };
    case FileEventType.CLOSE_FOR_MODIFY:
      return { what: "close-for-modify", more: name };
    case FileEventType.ATTRIBUTE_CHANGE:
      return { what: "attribute-change", more: name };
    default:
      return { what: `file ${Number(file.type)}`, more: name };
  }
}

function openFlags(flags: number): string {
  let left = flags & ~3 & ~O_LARGEFILE;
  // O_SYNC and O_DIRECTORY have bits of others within them: the widest first.
  const names = flagNames
    .toSorted(([, a], [, b]) => bitsOf(b) - bitsOf(a))
    .filter(([, bits]) => {
      if ((left & bits) !== bits) return false;
      left &= ~bits;
      return true;
    });
  const unknown = left === 0 ? [] : [`0x${(left >>> 0).toString(16)}`];
  return [access[flags & 3], ...names.map(([name]) => name), ...unknown].join("|");
}

function bitsOf(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}

function modeText(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, "0")}`;
}
