// Runs the fuzz target of the native rings and merge for a bounded time, under the sanitizers of addresses and undefined
// behaviour. What it finds new goes to .cache/fuzz and is tried first the next time.
//
//   node tools/fuzz.mjs [--seconds 20] [--runs N]
//
// It ends after so many seconds or inputs, whichever comes first.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheRoot, repositoryRoot } from "./vm/cache.mjs";
import { installedFile, installedProgram } from "./vm/packages.mjs";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "20" }, runs: { type: "string", default: "-1" } },
});
const seconds = Number(values.seconds);
if (!(Number.isInteger(seconds) && seconds > 0)) fail(`--seconds ${values.seconds}: not a whole number above 0`);

const native = join(repositoryRoot, "packages/perf-native/native");
const caller = { say: (text) => console.log(`fuzz: ${text}`) };
const compiler = await installedProgram("clang++-14", "clang-14", caller);
await installedFile(
  "/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.fuzzer-x86_64.a",
  "libclang-rt-14-dev",
  caller,
);

const folder = mkdtempSync(join(tmpdir(), "kernscope-fuzz-"));
try {
  const program = join(folder, "rings_fuzz");
  const sources = ["fuzz/rings_fuzz", "merge", "new_stack", "sample_layout", "stack_stash"];
  run(compiler, [
    "-std=c++20",
    "-O2",
    "-g",
    "-fsanitize=fuzzer,address,undefined",
    // Nothing in here is compared with a magic number that the fuzzer would have to be told.
    "-fno-sanitize-coverage=trace-cmp",
    "-fno-sanitize-recover=all",
    ...sources.map((name) => join(native, `${name}.cc`)),
    "-o",
    program,
  ]);
  const found = join(cacheRoot, "../fuzz/rings");
  mkdirSync(found, { recursive: true });
  const seeds = join(native, "fuzz/seeds");
  if (readdirSync(seeds).length === 0) fail("there are no seeds");
  // The rings have 512 bytes at the most: what can go wrong in them does so within some dozen steps, which short inputs
  // have. By the seconds count inputs, not bytes.
  const limits = [`-max_total_time=${seconds}`, `-runs=${values.runs}`, "-max_len=256", "-timeout=10"];
  const started = performance.now();
  const output = run(program, [
    ...limits,
    "-rss_limit_mb=1024",
    "-entropic=0",
    "-print_final_stats=1",
    `-artifact_prefix=${found}/../`,
    found,
    seeds,
  ]);
  const runs = Number(/^stat::number_of_executed_units:\s*(\d+)$/m.exec(output)?.[1]);
  if (!(runs > 1000)) fail(`only ${runs} inputs were tried\n${output}`);
  console.log(`fuzz: ${runs} inputs in ${((performance.now() - started) / 1000).toFixed(0)} s, no fault`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs a program and returns what it wrote, or ends this one with that. */
function run(program, args) {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: (seconds + 120) * 1000,
    // Of memory that was given back little is kept, and of where it was taken the nearest callers only: the target takes and
    // gives back all the time.
    env: {
      ...process.env,
      ASAN_OPTIONS: "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=4",
    },
  });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}`;
  if (result.status === 0) return output;
  return fail(
    `${program}: ${result.error?.message ?? `status ${result.status ?? result.signal}`}\n${output.slice(-8000)}`,
  );
}

function fail(text) {
  throw new Error(`fuzz: ${text}`);
}
