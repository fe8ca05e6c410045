import type { EventKind } from "./event-kinds.js";

/** Type of a field that conditions use, by the name that filter expressions have for it. */
export type EventFieldType =
  | "string"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "double"
  | "timestamp";

const name = { filename: "string" } as const;
const exitDetails = { exit_status: "uint32", exit_signal: "uint32", exit_core_dumped: "bool" } as const;
const call = { id: "int64", compat: "bool" } as const;
const result = { ret: "int64" } as const;
const address = {
  fd: "uint64",
  sa_family: "uint16",
  sin_port: "uint16",
  sin_addr: "uint32",
  sin6_port: "uint16",
  sin6_addr_high: "uint64",
  sin6_addr_low: "uint64",
  sun_path: "string",
} as const;
const container = {
  name: "string",
  image_id: "string",
  image_name: "string",
  host_pid: "int32",
  exit_code: "int32",
  ...exitDetails,
} as const;

/**
 * The fields that the `filter_expression` of each kind may name. Those of function calls are the ones that the filter's
 * `arguments` name; kinds whose filters take no condition have none.
 */
export const fieldTypes = {
  fork: { fork_child_pid: "int32", fork_child_id: "string" },
  exec: name,
  exit: { code: "int32", ...exitDetails },
  update: { cwd: "string" },

  open: { filename: "string", flags: "int32", mode: "int32" },
  create: { filename: "string", mode: "int32" },
  delete: name,
  link: { source_file: "string", target_file: "string", symlink: "bool" },
  rename: { oldname: "string", newname: "string" },
  modify: name,
  "open-for-modify": name,
  "close-for-modify": name,
  "attribute-change": name,

  syscall: {
    ...call,
    arg0: "uint64",
    arg1: "uint64",
    arg2: "uint64",
    arg3: "uint64",
    arg4: "uint64",
    arg5: "uint64",
  },
  "syscall-exit": { ...call, ...result },

  connect: address,
  "connect-result": result,
  bind: address,
  "bind-result": result,
  listen: { fd: "uint64", backlog: "uint64" },
  "listen-result": result,
  accept: { fd: "uint64" },
  "accept-result": result,
  sendto: address,
  "sendto-result": result,
  recvfrom: { fd: "uint64" },
  "recvfrom-result": result,

  "kernel-call": {},
  "kernel-call-exit": {},
  "user-call": {},
  "user-call-exit": {},

  performance: {},

  container,
  "container-created": container,
  "container-running": container,
  "container-exited": container,
  "container-destroyed": container,
  "container-updated": container,

  ticker: {},
  chargen: {},
} as const satisfies Record<EventKind, Readonly<Record<string, EventFieldType>>>;
