import { type EventAttr, PerfNativeError, PerfType, ReadFormat, SampleFormat } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toPerfError } from "./errno.js";
import { explainOpenError, missingFeature } from "./feature-error.js";
import { type FeatureName, featureTable } from "./feature-table.js";
import { type Features, features } from "./features.js";

/** A kernel that has none of it. */
const nothing = Object.fromEntries(
  Object.entries(featureTable).map(([name, needs]) => [name, { ...needs, supported: false, reason: "test" }]),
) as unknown as Features;
const all = Object.fromEntries(
  Object.entries(featureTable).map(([name, needs]) => [name, { ...needs, supported: true }]),
) as unknown as Features;
const tracepoint: EventAttr = { type: PerfType.TRACEPOINT, config: 1 };

test("an event's attributes tell which features it needs", () => {
  const cases: [EventAttr, FeatureName | undefined][] = [
    [tracepoint, undefined],
    [{ ...tracepoint, sampleType: SampleFormat.RAW | SampleFormat.CGROUP }, "cgroupSamples"],
    [{ ...tracepoint, sampleType: SampleFormat.STACK_USER }, "userStacks"],
    [{ ...tracepoint, sampleType: SampleFormat.CODE_PAGE_SIZE }, "pageSizes"],
    [{ ...tracepoint, sampleType: SampleFormat.WEIGHT_STRUCT }, "weightParts"],
    [{ ...tracepoint, readFormat: ReadFormat.LOST | ReadFormat.ID }, "lostCounts"],
    [{ ...tracepoint, flags: { contextSwitch: true } }, "contextSwitchRecords"],
    [{ ...tracepoint, flags: { mmap2: true } }, undefined],
    [{ ...tracepoint, flags: { mmap2: true, buildId: true } }, "buildIds"],
    [{ ...tracepoint, flags: { cgroup: true } }, "cgroupRecords"],
    [{ type: PerfType.HW_CACHE, config: 3 }, "hardwareCounters"],
    [{ type: PerfType.BREAKPOINT, config: 0 }, "breakpoints"],
    [{ type: PerfType.SOFTWARE, config: 0 }, undefined],
  ];
  for (const [attr, feature] of cases) {
    assert.is(missingFeature(attr, nothing), feature);
    assert.is(missingFeature(attr, all), undefined);
  }
});

test("each feature says what it needs, and why it is not there", async () => {
  const { kernel, paranoid: _, ringLimit: __, ...each } = await features();
  assert.ok(kernel.length > 0);
  assert.equal(Object.keys(each), Object.keys(featureTable));
  for (const { supported, reason, since, purpose } of Object.values(each)) {
    assert.is(supported, reason === undefined);
    assert.match(since, /^\d+\.\d+/);
    assert.ok(purpose.length > 0);
  }
});

test("they are looked up once", async () => {
  assert.is(await features(), await features());
  assert.is.not(await features(), await features({ refresh: true }));
});

test("an error that no feature is to blame for stays as it is", async () => {
  const native = (errno: string) => new PerfNativeError("system", "x", { operation: "perf_event_open", errno });
  for (const errno of ["EINVAL", "EACCES"]) {
    const error = toPerfError(native(errno), "open", "x");
    assert.is(await explainOpenError(error, [tracepoint]), error);
  }
  const elsewhere = toPerfError(new PerfNativeError("closed", "x"), "open", "x");
  assert.is(await explainOpenError(elsewhere, [{ type: PerfType.RAW, config: 0 }]), elsewhere);
});

test.run();
