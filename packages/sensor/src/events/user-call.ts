import { toKernelFilter } from "@kernscope/expression";
import { canonical } from "../canonical.js";
import { SensorError } from "../errors.js";
import { FetchedValues, fetchedFields, typedArguments } from "../fetched-values.js";
import { fieldTypes } from "../field-table.js";
import { Registrations } from "../registrations.js";
import type { UserCallFilter } from "../subscription-request.js";
import type { EventFamily } from "./family.js";

const remedy = "needs a kernel with uprobes (CONFIG_UPROBE_EVENTS)";
/** What the grammar is checked with: the real place is known when the file has been read. */
const ANYWHERE = "/program:0x0";
const BUILD_ID = /^(?:[0-9a-fA-F]{2}){2,64}$/;

/** Calls of functions of programs and libraries, by user probes with the client's fetch arguments. */
export const userCallEvents: EventFamily<UserCallFilter> = {
  kinds: ["user-call.enter", "user-call.exit"],
  fields({ kind, executable, root, buildId, symbol, arguments: args }) {
    const refuse = (cause: string) => new SensorError("invalid", `newSubscription(${kind}): ${cause}`);
    if (!isAbsolute(executable)) throw refuse(`executable ${JSON.stringify(executable)} – give an absolute path`);
    if (root !== undefined && !isAbsolute(root)) {
      throw refuse(`root ${JSON.stringify(root)} – give the absolute path of a directory, such as /proc/PID/root`);
    }
    if (buildId !== undefined && !(typeof buildId === "string" && BUILD_ID.test(buildId))) {
      throw refuse(`build id ${JSON.stringify(buildId)} – give 2 to 64 bytes in hexadecimal, as file(1) prints it`);
    }
    if (typeof symbol !== "string" || symbol === "" || symbol.length > 1024) {
      throw refuse("symbol is empty or longer than 1,024 characters – name a function");
    }
    return fetchedFields(ANYWHERE, kind === "user-call.exit", args);
  },
  service: (_, kernel) =>
    kernel.uprobes
      ? { sources: ["uprobe"], lacks: [], remedies: [] }
      : { sources: [], lacks: ["the kernel has no uprobes"], remedies: [remedy] },
  plan(filter, kernel) {
    const { kind, executable, root, buildId, symbol, where } = filter;
    const args = typedArguments(filter.arguments ?? {});
    const onReturn = kind === "user-call.exit";
    if (!kernel.uprobes) {
      throw new SensorError("unsupported", `newSubscription(${kind}): the kernel has no uprobes – ${remedy}`);
    }
    const divided = where && toKernelFilter(where, fieldTypes(fetchedFields(ANYWHERE, onReturn, args)));
    const event = `${onReturn ? "uretprobe" : "uprobe"}:${executable}:${symbol}`;
    const kernelFilter = divided?.filter ?? "";
    return {
      key: `${canonical([event, root ?? "/", buildId?.toLowerCase() ?? "", args])}[${kernelFilter}]`,
      kernel: [{ event, filter: kernelFilter }],
      rest: divided?.rest,
      open({ monitor, processCache }, sink) {
        const values = new FetchedValues(monitor, args);
        return Registrations.open(
          monitor,
          (id) => sink.owns(id),
          async (registrations) => {
            const id = await monitor.registerUprobe(
              {
                path: executable,
                symbol,
                ...(root !== undefined && { root }),
                ...(buildId !== undefined && { buildId }),
              },
              (record, data) => {
                if (!sink.wants(record.cgroup)) return;
                const value = values.read(record.event, data);
                sink.emit(record, processCache.lookupTask(record.tid), { case: "userCall", value });
              },
              { args, onReturn, filter: kernelFilter, sample: { cgroup: true } },
            );
            registrations.add(id);
          },
        );
      },
    };
  },
};

function isAbsolute(path: unknown): boolean {
  return typeof path === "string" && path.startsWith("/") && !path.includes("\0") && path.length < 4096;
}
