import { type Expression, explain, type FieldTypes, print } from "@kernscope/expression";
import { Tracefs } from "@kernscope/perf";
import { toSensorError } from "./errors.js";
import { type EventKind, eventKinds } from "./event-kinds.js";
import type { KernelPart, Service, SourcePlan } from "./events/family.js";
import { familyOf } from "./events/index.js";
import { fieldTypes } from "./field-table.js";
import { identifiersOf } from "./identifiers.js";
import { KernelSupport } from "./kernel-support.js";
import { planFilter } from "./plan-request.js";
import type { EventFilter } from "./subscription-request.js";

/** How this host serves one kind of events. */
export interface KindCapability extends Service {
  readonly kind: EventKind;
  /** `partial`: there are such events, and they lack something or are not all. */
  readonly state: "complete" | "partial" | "none";
}

/** What a sensor could serve on this host. */
export interface Capabilities {
  /** The kernel has kernel probes (CONFIG_KPROBE_EVENTS). */
  readonly kprobes: boolean;
  /** The kernel has user probes (CONFIG_UPROBE_EVENTS). */
  readonly uprobes: boolean;
  /** The kernel tells its types (CONFIG_DEBUG_INFO_BTF). */
  readonly btf: boolean;
  /** Why nothing of the kernel can be seen at all; `undefined`: it can. */
  readonly obstacle: string | undefined;
  /** Every kind that there is, in the order of `eventKinds`. */
  readonly kinds: readonly KindCapability[];
}

/** One of the parts of a condition that all have to be true. */
export interface ConditionPart {
  /** As text. */
  readonly text: string;
  /** In the kernel what fails costs nothing more; in the sensor it has become a record first. */
  readonly runs: "kernel" | "sensor";
  /** Why it runs in the sensor; `undefined` where it runs in the kernel. */
  readonly reason: string | undefined;
}

/** Where each part of a filter's condition runs, and why. */
export interface FilterExplanation {
  readonly kind: EventKind;
  /** The kernel's events and, as text in its language, what it evaluates; with an empty text all records come. */
  readonly kernel: readonly KernelPart[];
  /** What the sensor evaluates, as text; `undefined`: nothing. */
  readonly sensor: string | undefined;
  /** The condition by its parts; empty: there is none. */
  readonly parts: readonly ConditionPart[];
  /** What a subscriber would be told that it does not get. */
  readonly lacks: readonly string[];
}

/** Finds out how this host serves every kind of events. Needs no sensor, and acquires nothing that stays. */
export async function capabilities(): Promise<Capabilities> {
  try {
    return await withKernel(async (kernel) => ({
      kprobes: kernel.kprobes,
      uprobes: kernel.uprobes,
      btf: (await kernel.types()) !== undefined,
      obstacle: undefined,
      kinds: await Promise.all(eventKinds.map((kind) => capabilityOf(kind, kernel))),
    }));
  } catch (error) {
    const { message } = toSensorError(error);
    const none = { sources: [], lacks: [message], remedies: [], state: "none" as const };
    const kinds = eventKinds.map((kind) => ({ kind, ...none }));
    return { kprobes: false, uprobes: false, btf: false, obstacle: message, kinds };
  }
}

/**
 * Tells where each part of a filter's condition would run on this host, and why.
 *
 * @throws SensorError where the filter would be refused, or the kernel's events cannot be looked at; ExpressionError where
 *   its condition is not valid
 */
export function explainFilter(filter: EventFilter): Promise<FilterExplanation> {
  return withKernel(async (kernel) => {
    const { plan } = await planFilter(filter, kernel);
    const where = "where" in filter ? filter.where : undefined;
    return {
      kind: filter.kind,
      kernel: plan.kernel,
      sensor: plan.rest === undefined ? undefined : print(plan.rest),
      parts: where === undefined ? [] : partsOf(where, plan, fieldTypesOf(filter)),
      lacks: plan.lacks ?? [],
    };
  });
}

/**
 * The fields that a filter's condition can name, with their types.
 *
 * @throws SensorError `invalid` where the filter's arguments are not in order
 */
export function fieldTypesOf(filter: EventFilter): FieldTypes {
  const family = familyOf(filter.kind);
  return family === undefined ? {} : fieldTypes(family.fields(filter));
}

function partsOf(where: Expression, plan: SourcePlan, types: FieldTypes): ConditionPart[] {
  const left = new Set(plan.rest === undefined ? [] : explain(plan.rest, types).map(({ text }) => text));
  return explain(where, types).map(({ expression, text, reason }) =>
    left.has(text)
      ? { text, runs: "sensor", reason: reason ?? plan.why ?? absence(expression) }
      : { text, runs: "kernel", reason: undefined },
  );
}

/** Why the kernel does not evaluate what its language has words for. */
function absence(part: Expression): string {
  const names = [...identifiersOf(part)].join(", ");
  return `not every one of the kernel's records has ${names} as the event has it`;
}

async function withKernel<T>(use: (kernel: KernelSupport) => Promise<T>): Promise<T> {
  const tracing = await Tracefs.open().catch((error) => {
    throw toSensorError(error);
  });
  try {
    return await use(await KernelSupport.open(tracing));
  } finally {
    await tracing.close();
  }
}

async function capabilityOf(kind: EventKind, kernel: KernelSupport): Promise<KindCapability> {
  const service = await familyOf(kind)?.service(kind, kernel);
  if (service === undefined) {
    return { kind, state: "none", sources: [], lacks: ["this version does not serve it"], remedies: [] };
  }
  const state = service.sources.length === 0 ? "none" : service.lacks.length === 0 ? "complete" : "partial";
  return { kind, state, ...service };
}
