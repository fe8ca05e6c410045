/** The part of clone(2)'s flags that is the signal sent to the parent when the child ends (include/uapi/linux/sched.h). */
export const CSIGNAL = 0x0000_00ff;

/**
 * Flags of clone(2), clone3(2) and unshare(2), as in include/uapi/linux/sched.h. Two lie above 32 bits and can be given to
 * clone3 only; test flags with {@link hasCloneFlag}, since JavaScript's `&` sees 32 bits.
 */
export const CloneFlag = {
  /** New time namespace (unshare and clone3; the bit lies within {@link CSIGNAL} for clone). */
  NEWTIME: 0x80,
  /** Share the address space. */
  VM: 0x100,
  /** Share root, working directory and umask. */
  FS: 0x200,
  /** Share the table of file descriptors. */
  FILES: 0x400,
  /** Share signal handlers. */
  SIGHAND: 0x800,
  /** Give the parent a pidfd of the child. */
  PIDFD: 0x1000,
  /** Trace the child too, if the parent is traced. */
  PTRACE: 0x2000,
  /** The parent waits until the child executes a program or ends. */
  VFORK: 0x4000,
  /** The caller's parent becomes the child's. */
  PARENT: 0x8000,
  /** The child is a thread of the caller's process. */
  THREAD: 0x1_0000,
  /** New mount namespace. */
  NEWNS: 0x2_0000,
  /** Share System V semaphore undo values. */
  SYSVSEM: 0x4_0000,
  /** Set the child's thread-local storage. */
  SETTLS: 0x8_0000,
  /** Store the child's id in the parent's memory. */
  PARENT_SETTID: 0x10_0000,
  /** Clear the child's id in its memory when it ends. */
  CHILD_CLEARTID: 0x20_0000,
  /** Ignored by the kernel. */
  DETACHED: 0x40_0000,
  /** No tracer can force {@link CloneFlag.PTRACE} on the child. */
  UNTRACED: 0x80_0000,
  /** Store the child's id in the child's memory. */
  CHILD_SETTID: 0x100_0000,
  /** New cgroup namespace. */
  NEWCGROUP: 0x200_0000,
  /** New host name namespace. */
  NEWUTS: 0x400_0000,
  /** New IPC namespace. */
  NEWIPC: 0x800_0000,
  /** New user namespace. */
  NEWUSER: 0x1000_0000,
  /** New pid namespace. */
  NEWPID: 0x2000_0000,
  /** New network namespace. */
  NEWNET: 0x4000_0000,
  /** Share the I/O context. */
  IO: 0x8000_0000,
  /** Reset all signal handlers to their defaults (clone3). */
  CLEAR_SIGHAND: 0x1_0000_0000,
  /** Start in the cgroup that clone3's `cgroup` names. */
  INTO_CGROUP: 0x2_0000_0000,
} as const;

/** Name of a {@link CloneFlag}, without the kernel's `CLONE_`. */
export type CloneFlagName = keyof typeof CloneFlag;

const HIGH = 0x1_0000_0000;

/** Whether `flags` has `flag`, for flags of up to 53 bits. */
export function hasCloneFlag(flags: number, flag: number): boolean {
  if (flag < HIGH) return (flags & flag) !== 0;
  return (Math.floor(flags / HIGH) & Math.floor(flag / HIGH)) !== 0;
}

/** Names of the flags that are set in a `clone_flags` of the kernel's, which never holds a {@link CSIGNAL}. */
export function cloneFlagNames(flags: number): CloneFlagName[] {
  return (Object.keys(CloneFlag) as CloneFlagName[]).filter((name) => hasCloneFlag(flags, CloneFlag[name]));
}
