/** What the kernel says of a probe since it was made. */
export interface ProbeCounts {
  /** Times it was reached, the event's filter and targets not considered. */
  reached: bigint;
  /**
   * Times it was reached and could not be handled: from within another probe, or with `maxActive` returns awaited. They
   * are no hits. `undefined` for user probes, of which the kernel does not count any.
   */
  missed: bigint | undefined;
}

/** Reads kprobe_profile (`NAME REACHED MISSED`) or uprobe_profile (`PATH NAME REACHED`) into counts by event name. */
export function parseProbeProfile(file: "kprobe_profile" | "uprobe_profile", text: string): Map<string, ProbeCounts> {
  const counts = new Map<string, ProbeCounts>();
  for (const line of text.split("\n")) {
    const [name, reached, missed] =
      (file === "kprobe_profile" ? /(\S+)\s+(\d+)\s+(\d+)\s*$/ : /(\S+)\s+(\d+)\s*$/).exec(line)?.slice(1) ?? [];
    if (name === undefined || reached === undefined) continue;
    counts.set(name, { reached: BigInt(reached), missed: missed === undefined ? undefined : BigInt(missed) });
  }
  return counts;
}
