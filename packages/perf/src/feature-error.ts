import { type EventAttr, PerfType } from "@kernscope/perf-native";
import { PerfError } from "./errors.js";
import { type FeatureName, type FeatureNeeds, featureTable } from "./feature-table.js";
import { type Features, features } from "./features.js";

/** What perf_event_open(2) answers to attributes that it does not know or cannot serve. */
const answers: readonly (string | undefined)[] = ["EINVAL", "E2BIG", "ENOENT", "EOPNOTSUPP"];

/** Says which feature it was that an event needs and this kernel lacks, if one is to blame. */
export async function explainOpenError(error: PerfError, attrs: readonly EventAttr[]): Promise<PerfError> {
  const { operation, subject, errno, cpu } = error;
  if (operation !== "perf_event_open" || errno === undefined || !answers.includes(errno)) return error;
  const there = await features();
  const feature = attrs.map((attr) => missingFeature(attr, there)).find((name) => name !== undefined);
  if (feature === undefined) return error;
  const { purpose, since, needs }: FeatureNeeds = featureTable[feature];
  const remedy = `${purpose} (${feature}) needs Linux ${since}${needs === undefined ? "" : ` and ${needs}`}`;
  return new PerfError("unsupported", { operation, subject, cpu, cause: errno, errno, feature, remedy, from: error });
}

/** A feature that an event with these attributes needs and that is not supported. */
export function missingFeature(attr: EventAttr, there: Pick<Features, FeatureName>): FeatureName | undefined {
  const names = Object.keys(featureTable) as FeatureName[];
  return names.find((name) => !there[name].supported && uses(attr, featureTable[name]));
}

function uses(attr: EventAttr, { attr: telling }: FeatureNeeds): boolean {
  if (telling === undefined) return false;
  const bits = (key: "sampleType" | "readFormat") => ((attr[key] ?? 0) & (telling[key] ?? 0)) !== 0;
  if (bits("sampleType") || bits("readFormat")) return true;
  if (telling.clockId !== undefined && attr.clockId !== undefined) return true;
  const flags = Object.keys(telling.flags ?? {}) as (keyof NonNullable<EventAttr["flags"]>)[];
  if (flags.length > 0) return attr.flags?.[flags.at(-1)!] === true;
  if (telling.type === PerfType.HARDWARE) return ofProcessor.includes(attr.type);
  return telling.type !== undefined && telling.type === attr.type;
}

const ofProcessor: readonly number[] = [PerfType.HARDWARE, PerfType.HW_CACHE, PerfType.RAW];
