import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";

const kernel = requires({ root: true, perf: true });
const limited = requires({ root: true, perf: true, programs: ["/usr/bin/setpriv", "/usr/bin/prlimit"] });

const PARANOID = "/proc/sys/kernel/perf_event_paranoid";

/** What a test's program begins with: an event that takes descriptors and threads of all kinds. */
const prelude = `
  import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
  import { createInterface } from "node:readline";
  import { openReader } from ${JSON.stringify(new URL("./index.js", import.meta.url).href)};
  const options = { ringSize: 16384, spanSize: 256 * 1024 };
  const request = (source, index) => ({
    index,
    // Context switches, with user registers and stack.
    attr: { type: 1, config: 3, samplePeriod: 1, sampleType: 0x3000, sampleRegsUser: process.arch === "arm64" ? 2 ** 31 : 128,
      sampleStackUser: 64 },
    targets: source.cpus.map((cpu) => ({ pid: 0, cpu })),
    enabled: true,
    ringSize: 16384,
    completeStack: true,
  });
  const outcome = (promise) => promise.then(() => "done", ({ operation, errno, message }) => operation ? operation + " " + errno : message);
`;

kernel("however few descriptors are left, what cannot be had is told, and nothing hangs", () => {
  const program = `${prelude}
    const outcomes = [];
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    const fill = [];
    const exhaust = () => { try { for (;;) fill.push(openSync("/dev/null", "r")); } catch {} };
    const spare = () => closeSync(fill.pop());
    exhaust();
    let source;
    for (; outcomes.at(-1) !== "done"; spare()) outcomes.push(await outcome(openReader(options).then((opened) => { source = opened; })));
    source.start(() => {});
    exhaust();
    outcomes.push("started");
    for (let index = 1; outcomes.at(-1) !== "done"; index++, spare()) outcomes.push(await outcome(source.open(request(source, index))));
    exhaust();
    await source.close();
    for (const each of fill) closeSync(each);
    console.log(JSON.stringify({ outcomes, left: descriptors() - before }));`;
  const script = 'ulimit -n 512; exec "$0" --input-type=module -e "$1"';
  const { stdout, stderr } = spawnSync("sh", ["-c", script, process.execPath, program], {
    encoding: "utf8",
    timeout: 120_000,
  });
  assert.is(stderr, "");
  const { outcomes, left } = JSON.parse(stdout);
  assert.is(left, 0);
  const failures = (outcomes as string[]).filter((outcome) => outcome !== "done" && outcome !== "started");
  for (const failure of failures) assert.match(failure, /EMFILE/);
  const opening = outcomes.slice(outcomes.indexOf("started") + 1);
  assert.ok(opening.includes("eventfd EMFILE") && opening.includes("perf_event_open EMFILE"), String(outcomes));
});

limited("where no more threads are to be had, that is told, and nothing else changes", async () => {
  const program = `${prelude}
    const asked = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const say = async (text) => { console.log(text); await asked.next(); };
    const mask = () => /SigBlk:.*/.exec(readFileSync("/proc/self/status", "utf8"))[0];
    const before = mask();
    await say("free");
    await say("limit");
    const first = await outcome(openReader(options));
    await say("free");
    const source = await openReader(options);
    await say("limit");
    const start = () => Promise.resolve().then(() => source.start(() => {}));
    const second = await outcome(start());
    const third = await outcome(source.open(request(source, 1)));
    await say("free");
    const rest = [await outcome(start()), await outcome(source.open(request(source, 1)))];
    await source.close();
    console.log(JSON.stringify([first, second, third, ...rest, mask() === before]));
    process.stdin.destroy();`;
  // The limit is for users, not for root, and not for who may raise it.
  const capabilities = "+perfmon,+ipc_lock,+dac_override";
  const user = ["--reuid", "54321", "--clear-groups"];
  const args = [...user, "--inh-caps", capabilities, "--ambient-caps", capabilities];
  const child = spawn("setpriv", [...args, process.execPath, "--input-type=module", "-e", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const paranoid = readFileSync(PARANOID, "utf8");
  try {
    // Debian's kernels have a level beyond 2 that refuses those with CAP_PERFMON, too.
    if (Number(paranoid) > 2) writeFileSync(PARANOID, "2");
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line !== "limit" && line !== "free") continue;
      // The soft limit: 1, or what the hard one allows.
      const hard = /Max processes +\S+ +(\S+)/.exec(readFileSync(`/proc/${child.pid}/limits`, "utf8"))?.[1];
      const limit = `--nproc=${line === "limit" ? 1 : hard}:`;
      execFileSync("setpriv", [...user, "prlimit", "--pid", String(child.pid), limit]);
      child.stdin.write("\n");
    }
  } finally {
    child.kill("SIGKILL");
    if (Number(paranoid) > 2) writeFileSync(PARANOID, paranoid);
  }
  const refused = "pthread_create EAGAIN";
  assert.equal(JSON.parse(lines.at(-1) ?? "null"), [refused, refused, refused, "done", "done", true], lines.join("\n"));
});

test.run();
