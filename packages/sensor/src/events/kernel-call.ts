import { toKernelFilter } from "@kernscope/expression";
import { kernelPlace, type TraceFields } from "@kernscope/perf";
import { canonical } from "../canonical.js";
import { SensorError } from "../errors.js";
import { FetchedValues, fetchedFields, typedArguments } from "../fetched-values.js";
import { fieldTypes } from "../field-table.js";
import { Registrations } from "../registrations.js";
import type { KernelCallFilter } from "../subscription-request.js";
import type { EventFamily } from "./family.js";

const remedy = "needs a kernel with kprobes (CONFIG_KPROBE_EVENTS)";

/** Calls of the kernel's functions, by kernel probes with the client's fetch arguments. */
export const kernelCallEvents: EventFamily<KernelCallFilter> = {
  kinds: ["kernel-call.enter", "kernel-call.exit"],
  fields: (filter) => fetchedFields(kernelPlace(filter.symbol), filter.kind === "kernel-call.exit", filter.arguments),
  service: (_, kernel) =>
    kernel.kprobes
      ? { sources: ["kprobe"], lacks: [], remedies: [] }
      : { sources: [], lacks: ["the kernel has no kprobes"], remedies: [remedy] },
  async plan(filter, kernel) {
    const { kind, symbol, where } = filter;
    const args = typedArguments(filter.arguments ?? {});
    const onReturn = kind === "kernel-call.exit";
    if (!kernel.kprobes) {
      throw new SensorError("unsupported", `newSubscription(${kind}): the kernel has no kprobes – ${remedy}`);
    }
    if (/^[A-Za-z_][\w.$]*$/.test(symbol) && (await kernel.findFunction([symbol])) === undefined) {
      throw new SensorError("invalid", `newSubscription(${kind}): the kernel has no function ${symbol} – name another`);
    }
    const types = fieldTypes(fetchedFields(kernelPlace(symbol), onReturn, args));
    const divided = where && toKernelFilter(where, types);
    const event = `${onReturn ? "kretprobe" : "kprobe"}:${symbol}`;
    const kernelFilter = divided?.filter ?? "";
    return {
      key: `${event} ${canonical(args)}[${kernelFilter}]`,
      kernel: [{ event, filter: kernelFilter }],
      rest: divided?.rest,
      open({ monitor, processCache }, sink) {
        const values = new FetchedValues(monitor, args);
        return Registrations.open(
          monitor,
          (id) => sink.owns(id),
          (registrations) =>
            registrations.kprobe<TraceFields>(
              symbol,
              (record, data) => {
                if (record.pid === process.pid || !sink.wants(record.cgroup)) return;
                const value = values.read(record.event, data);
                sink.emit(record, processCache.lookupTask(record.tid), { case: "kernelCall", value });
              },
              {
                args,
                onReturn,
                filter: kernelFilter,
                sample: { cgroup: true },
                // Calls that wait, such as reads, are under way in many threads at once.
                ...(onReturn && { maxActive: 256 }),
              },
            ),
        );
      },
    };
  },
};
