/** Bounds of the size of a tree. */
export interface TreeLimits {
  readonly depth: number;
  readonly nodes: number;
  readonly textBytes: number;
}

/** Bounds of an expression: none costs more than a few milliseconds, whoever sent it. */
export const limits = {
  /** Nodes on the way from the top of the tree to its deepest leaf. */
  depth: 32,
  /** Nodes of the tree. `and` and `or` of n operands count as the n - 1 nodes that they are on the wire. */
  nodes: 1024,
  /** Bytes of the text form as UTF-8, and of all names and strings of a tree together. */
  textBytes: 16_384,
  /** Bytes of a `like` pattern as UTF-8: what the kernel takes (MAX_FILTER_STR_VAL, without the NUL). */
  patternBytes: 255,
  /** Bytes of a kernel filter: `PERF_EVENT_IOC_SET_FILTER` takes a page of 4 KiB with the NUL. */
  kernelFilterBytes: 4095,
} as const;

/**
 * Bounds of what is compiled and translated. A program may put trees together that are each within {@link limits}, such
 * as those of two clients, and add conditions of its own: that makes a tree somewhat deeper, and several times as large.
 */
export const joinedLimits: TreeLimits = {
  depth: 2 * limits.depth,
  nodes: 8 * limits.nodes,
  textBytes: 8 * limits.textBytes,
};
