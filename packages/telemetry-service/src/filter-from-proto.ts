import { and, compare, type Expression, like, masked } from "@kernscope/expression";
import type { EventFilter, PerformanceCounter, PerformanceFilter } from "@kernscope/sensor";
import {
  ContainerEventView,
  type FileEventFilter,
  type PerformanceEventFilter,
  PerformanceEventType,
  type ProcessEventFilter,
  SampleRateType,
  type SyscallEventFilter,
  type EventFilter as WireFilters,
} from "@kernscope/telemetry-api";
import { clampedNumber } from "./clamped-number.js";
import { expressionFromProto } from "./expression-from-proto.js";
import { type FilterList, kindOfFilter } from "./filter-kinds.js";

/** A filter of any list. */
export type WireFilter = WireFilters[FilterList][number];

/** What is wrong with a filter. Its message says what, and what to do about it. */
export class FilterFault extends Error {
  override readonly name = "FilterFault";
}

/**
 * Reads a filter of one of `EventFilter`'s lists. Fields from before there were expressions become part of its condition:
 * all of them have to hold.
 *
 * @throws FilterFault, ExpressionError
 */
export function filterFromProto(list: FilterList, filter: WireFilter): EventFilter {
  const kind = kindOfFilter(list, filter);
  if (kind === undefined) throw new FilterFault("type is not valid – give one of its enum");
  const where = conditionOf(filter);
  const common = { kind, ...(where !== undefined && { where }) };
  switch (filter.$typeName) {
    case "capsule8.api.v0.KernelFunctionCallFilter":
      return { ...common, symbol: filter.symbol, arguments: { ...filter.arguments } } as EventFilter;
    case "capsule8.api.v0.UserFunctionCallFilter": {
      const { executable, root, buildId, symbol } = filter;
      const file = { executable, ...(root !== "" && { root }), ...(buildId !== "" && { buildId }) };
      return { ...common, ...file, symbol, arguments: { ...filter.arguments } } as EventFilter;
    }
    case "capsule8.api.v0.ContainerEventFilter":
      return { ...common, view: filter.view === ContainerEventView.FULL ? "full" : "basic" } as EventFilter;
    case "capsule8.api.v0.PerformanceEventFilter":
      return performanceFilter(filter);
    case "capsule8.api.v0.TickerEventFilter":
      return { kind: "ticker", interval: clampedNumber(filter.interval) };
    case "capsule8.api.v0.ChargenEventFilter":
      return { kind: "chargen", length: Number(filter.length) };
    default:
      return common as EventFilter;
  }
}

/** The expression and the older fields, as one condition. */
function conditionOf(filter: WireFilter): Expression | undefined {
  const parts: Expression[] = [];
  if ("filterExpression" in filter && filter.filterExpression !== undefined) {
    parts.push(expressionFromProto(filter.filterExpression));
  }
  switch (filter.$typeName) {
    case "capsule8.api.v0.SyscallEventFilter":
      parts.push(...syscallParts(filter));
      break;
    case "capsule8.api.v0.ProcessEventFilter":
      parts.push(...processParts(filter));
      break;
    case "capsule8.api.v0.FileEventFilter":
      parts.push(...fileParts(filter));
      break;
  }
  const [first, ...rest] = parts.flatMap((part) => (part.type === "and" ? part.operands : [part]));
  return first === undefined ? undefined : and(first, ...rest);
}

function* syscallParts(filter: SyscallEventFilter): Generator<Expression> {
  if (filter.id !== undefined) yield compare("id", "int64", "eq", filter.id);
  for (const name of ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5"] as const) {
    const argument = filter[name];
    if (argument !== undefined) yield compare(name, "uint64", "eq", argument);
  }
  if (filter.ret !== undefined) yield compare("ret", "int64", "eq", filter.ret);
}

function* processParts(filter: ProcessEventFilter): Generator<Expression> {
  const { execFilename, execFilenamePattern, exitCode } = filter;
  if (execFilename !== undefined) yield compare("filename", "string", "eq", execFilename);
  if (execFilenamePattern !== undefined) yield like("filename", execFilenamePattern);
  if (exitCode !== undefined) yield compare("code", "int32", "eq", exitCode);
}

function* fileParts(filter: FileEventFilter): Generator<Expression> {
  const { filename, filenamePattern, openFlagsMask, createModeMask } = filter;
  if (filename !== undefined) yield compare("filename", "string", "eq", filename);
  if (filenamePattern !== undefined) yield like("filename", filenamePattern);
  if (openFlagsMask !== undefined) yield masked("flags", "int32", openFlagsMask);
  if (createModeMask !== undefined) yield masked("mode", "int32", createModeMask);
}

const counterTypes: Readonly<Record<number, PerformanceCounter["type"]>> = {
  [PerformanceEventType.HARDWARE]: "hardware",
  [PerformanceEventType.HARDWARE_CACHE]: "hardware-cache",
  [PerformanceEventType.SOFTWARE]: "software",
};

/** Which member of the oneof each type of rate means. */
const rateCases: Readonly<Record<number, "period" | "frequency">> = {
  [SampleRateType.PERIOD]: "period",
  [SampleRateType.FREQUENCY]: "frequency",
};

function performanceFilter({ events, sampleRateType, sampleRate }: PerformanceEventFilter): PerformanceFilter {
  const counters = events.map(({ type, config }, index) => {
    const known = counterTypes[type];
    if (known === undefined) throw new FilterFault(`events[${index}].type is not valid – give one of its enum`);
    return { type: known, config };
  });
  const expected = rateCases[sampleRateType];
  if (sampleRate.case === undefined || (expected !== undefined && expected !== sampleRate.case)) {
    throw new FilterFault("sample_rate is not what sample_rate_type says – set period or frequency");
  }
  if (sampleRate.case === "period") return { kind: "performance", counters, period: sampleRate.value };
  return { kind: "performance", counters, frequency: Number(sampleRate.value) };
}
