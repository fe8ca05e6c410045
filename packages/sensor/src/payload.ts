/**
 * What happened, by kind: the shapes and numbers of the messages of the v0 API. A field that is absent has its default,
 * or is not known.
 */
export type EventPayload =
  | { readonly case: "process"; readonly value: ProcessPayload }
  | { readonly case: "syscall"; readonly value: SyscallPayload }
  | { readonly case: "file"; readonly value: FilePayload }
  | { readonly case: "kernelCall"; readonly value: FunctionCallPayload }
  | { readonly case: "userCall"; readonly value: FunctionCallPayload }
  | { readonly case: "network"; readonly value: NetworkPayload }
  | { readonly case: "performance"; readonly value: PerformancePayload }
  | { readonly case: "container"; readonly value: ContainerPayload }
  | { readonly case: "chargen"; readonly value: ChargenPayload }
  | { readonly case: "ticker"; readonly value: TickerPayload }
  | { readonly case: "lost"; readonly value: LostPayload };

/** Numbers of the API's `ProcessEventType`. */
export const ProcessEventType = { FORK: 1, EXEC: 2, EXIT: 3, UPDATE: 4 } as const;

/** `ProcessEvent` of the API. */
export interface ProcessPayload {
  readonly type: number;
  readonly forkChildPid?: number;
  readonly forkChildId?: string;
  /** Flags of clone(2), with the exit signal in the low byte where it is known. */
  readonly forkCloneFlags?: number;
  readonly execFilename?: string;
  readonly execCommandLine?: readonly string[];
  readonly execCommandLineTruncated?: boolean;
  /** Some of it was read from the process after the event, not by the kernel with it. */
  readonly execCommandLineFromMemory?: boolean;
  /** The wait status of wait(2). */
  readonly exitCode?: number;
  /** What was given to exit(2). */
  readonly exitStatus?: number;
  readonly exitSignal?: number;
  readonly exitCoreDumped?: boolean;
  readonly exitStatusUnknown?: boolean;
  readonly exitCoreDumpedUnknown?: boolean;
  /** The new working directory, absolute. */
  readonly updateCwd?: string;
}

/** Numbers of the API's `SyscallEventType`. */
export const SyscallEventType = { ENTER: 1, EXIT: 2 } as const;

/** `SyscallEvent` of the API. Arguments are what the registers held; beyond 2^53 they are bigints. */
export interface SyscallPayload {
  readonly type: number;
  /** In the host architecture's table, or with `compat` in that of its 32-bit programs. */
  readonly id: number;
  readonly arg0?: number | bigint | undefined;
  readonly arg1?: number | bigint | undefined;
  readonly arg2?: number | bigint | undefined;
  readonly arg3?: number | bigint | undefined;
  readonly arg4?: number | bigint | undefined;
  readonly arg5?: number | bigint | undefined;
  /** A failed call's is the negative errno. */
  readonly ret?: number | bigint;
  /** Of the call, by its number; absent for a number without one. */
  readonly name?: string | undefined;
  /** The call went through the table of 32-bit calls. */
  readonly compat?: boolean;
}

/** Numbers of the API's `FileEventType`. */
export const FileEventType = {
  OPEN: 1,
  CREATE: 2,
  DELETE: 3,
  LINK: 4,
  OPEN_FOR_MODIFY: 5,
  RENAME: 6,
  MODIFY: 7,
  CLOSE_FOR_MODIFY: 8,
  ATTRIBUTE_CHANGE: 9,
} as const;

/** Numbers of the API's `FileNameSource`: where the names of a file event come from. */
export const FileNameSource = { GIVEN: 1, WORKING_DIRECTORY: 2, DESCRIPTOR: 3, DIRECTORY_ENTRY: 4 } as const;

/** `FileEvent` of the API. */
export interface FilePayload {
  readonly type: number;
  readonly filename?: string;
  readonly openFlags?: number;
  readonly openMode?: number;
  readonly sourceFile?: string;
  readonly targetFile?: string;
  readonly symlink?: boolean;
  readonly oldname?: string;
  readonly newname?: string;
  /**
   * The names of files are what the kernel has, or of one that is removed had last, in its directories: absolute in the
   * mount namespace and root directory of the task as they were at that moment, without links or `..`, and the same whatever
   * the file was called by. Not of names with bytes that are no UTF-8, which others may read like. False: a name can be an
   * alias, or not the whole path, or what another process would call it.
   */
  readonly resolved: boolean;
  /** Names that are not absolute are the ends of paths of which more is not known. */
  readonly partial?: boolean;
  readonly nameSource: number;
}

/** Numbers of the API's `FieldType`. */
export const FieldType = {
  UNKNOWN: 0,
  BYTES: 1,
  STRING: 2,
  SINT8: 3,
  SINT16: 4,
  SINT32: 5,
  SINT64: 6,
  UINT8: 7,
  UINT16: 8,
  UINT32: 9,
  UINT64: 10,
} as const;

/** A fetched value. */
export interface FieldValue {
  readonly fieldType: number;
  /** Absent where it could not be fetched. */
  readonly value?:
    | { readonly case: "bytesValue"; readonly value: Uint8Array }
    | { readonly case: "stringValue"; readonly value: string }
    | { readonly case: "signedValue"; readonly value: number | bigint }
    | { readonly case: "unsignedValue"; readonly value: number | bigint };
}

/** `KernelFunctionCallEvent` and `UserFunctionCallEvent` of the API. */
export interface FunctionCallPayload {
  /** By the names in the filter's `arguments`. */
  readonly arguments: { readonly [name: string]: FieldValue };
}

/** Numbers of the API's `NetworkEventType`. */
export const NetworkEventType = {
  CONNECT_ATTEMPT: 1,
  CONNECT_RESULT: 2,
  BIND_ATTEMPT: 3,
  BIND_RESULT: 4,
  LISTEN_ATTEMPT: 5,
  LISTEN_RESULT: 6,
  ACCEPT_ATTEMPT: 7,
  ACCEPT_RESULT: 8,
  SENDTO_ATTEMPT: 9,
  SENDTO_RESULT: 10,
  RECVFROM_ATTEMPT: 11,
  RECVFROM_RESULT: 12,
} as const;

/** Numbers of the API's `NetworkAddressFamily`. */
export const AddressFamily = { UNKNOWN: 0, INET: 1, INET6: 2, LOCAL: 3 } as const;

/** `NetworkAddress` of the API. */
export interface NetworkAddress {
  readonly family: number;
  /** Number of socket(7)'s family where `family` is 0: an address that has no value here. */
  readonly otherFamily?: number;
  readonly address:
    | { readonly case: undefined; readonly value?: undefined }
    | {
        readonly case: "ipv4Address";
        /** The address as its four bytes lie in memory, read as a little-endian number. */
        readonly value: { readonly address: { readonly address: number }; readonly port: number };
      }
    | {
        readonly case: "ipv6Address";
        /** The halves as their eight bytes lie in memory, read as little-endian numbers. */
        readonly value: {
          readonly address: { readonly high: number | bigint; readonly low: number | bigint };
          readonly port: number;
        };
      }
    /** A path, or a NUL and an abstract name; empty: unnamed. */
    | { readonly case: "localAddress"; readonly value: string };
}

/** `NetworkEvent` of the API. */
export interface NetworkPayload {
  readonly type: number;
  readonly sockfd?: number | bigint | undefined;
  readonly address?: NetworkAddress | undefined;
  readonly result?: number | bigint;
  readonly backlog?: number | bigint;
  /** It was no system call but a request to io_uring: descriptor and backlog are not known. */
  readonly ioUring?: boolean;
}

/** Numbers of the API's `PerformanceEventType`. */
export const PerformanceEventType = { HARDWARE: 1, HARDWARE_CACHE: 2, SOFTWARE: 3 } as const;

/** `PerformanceEvent` of the API. */
export interface PerformancePayload {
  /** Nanoseconds. */
  readonly totalTimeEnabled: bigint;
  /** Nanoseconds. */
  readonly totalTimeRunning: bigint;
  readonly values: readonly { readonly type: number; readonly config: number | bigint; readonly value: bigint }[];
}

/** Numbers of the API's `ContainerEventType`. */
export const ContainerEventType = { CREATED: 1, RUNNING: 2, EXITED: 3, DESTROYED: 4, UPDATED: 5 } as const;

/** `ContainerEvent` of the API. */
export interface ContainerPayload {
  readonly type: number;
  readonly name?: string;
  readonly imageId?: string;
  readonly imageName?: string;
  readonly hostPid?: number;
  readonly exitCode?: number | undefined;
  readonly exitStatus?: number | undefined;
  readonly exitSignal?: number | undefined;
  readonly exitCoreDumped?: boolean | undefined;
  readonly dockerConfigJson?: string;
  readonly ociConfigJson?: string;
}

/** `ChargenEvent` of the API. */
export interface ChargenPayload {
  readonly index: number;
  readonly characters: string;
}

/** `TickerEvent` of the API. */
export interface TickerPayload {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Numbers of the API's `LostRecordEventType`: whose events were lost. */
export const LostRecordType = {
  UNKNOWN: 0,
  SUBSCRIPTION: 1,
  PROCESS: 2,
  CONTAINER: 3,
  FILE_CREATE: 4,
  FILE_DELETE: 5,
  FILE_LINK: 6,
  FILE_SYMLINK: 7,
  FILE_OPEN_MODIFY: 8,
  FILE_CLOSE_MODIFY: 9,
  FILE_MODIFY: 10,
  FILE_RENAME: 11,
  FILE_ATTRIBUTE_CHANGE: 12,
} as const;

/** Numbers of the API's `LostRecordCause`: where they were lost. */
export const LostRecordCause = {
  KERNEL_RING: 1,
  PROBE_MISSED: 2,
  SENSOR_BUFFER: 3,
  MALFORMED: 4,
  SLOW_CLIENT: 5,
  PROBES_DISARMED: 6,
} as const;

/** `LostRecordEvent` of the API. */
export interface LostPayload {
  /** How many, exactly; 0 where probes were disarmed and nobody knows. */
  readonly lost: number;
  readonly type: number;
  readonly cause: number;
  /** Sequence numbers of the first and last that were lost, where they had one. */
  readonly firstSequenceNumber?: number;
  readonly lastSequenceNumber?: number;
  /** The loss lies between these, nanoseconds as `sensorMonotimeNanos`. */
  readonly firstMonotimeNanos?: number;
  readonly lastMonotimeNanos?: number;
}
