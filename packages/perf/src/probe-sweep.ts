import { Liveness, probeOwner, thisProcess } from "./probe-owner.js";
import { type ProbeKind, removeProbe } from "./probe-registry.js";
import type { Tracing } from "./tracing.js";

const kinds: readonly ProbeKind[] = ["kprobe", "uprobe"];

/**
 * Removes the probes that dead processes left: those of a process that was killed cost every call that they are on, also
 * where nobody asks for such probes again. What cannot be removed stays, because it is in use after all, or because this
 * process may not, so this does not reject.
 */
export async function sweepProbes(tracing: Tracing): Promise<void> {
  const probes = (await Promise.all(kinds.map((kind) => probesIn(kind, tracing)))).flat();
  if (probes.length === 0) return;
  const self = await thisProcess().catch(() => undefined);
  if (self === undefined) return;
  const liveness = new Liveness(self.namespace);
  for (const probe of probes) {
    const owner = probeOwner(probe.event);
    if (owner !== undefined && !(await liveness.isAlive(owner))) await removeProbe(tracing, probe).catch(() => {});
  }
}

/** Probes of this library's name. */
async function probesIn(kind: ProbeKind, tracing: Tracing) {
  const lines = (await tracing.read(`${kind}_events`).catch(() => "")).split("\n");
  return lines.flatMap((line) => {
    const event = /^[pr]\d*:(\S+) /.exec(line)?.[1];
    return event === undefined || probeOwner(event) === undefined ? [] : [{ kind, event }];
  });
}
