// One run: a host, its clients and a load, each a process of its own, and what came of it.
import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";

/**
 * @typedef {{ kind: "http2" | "grpc-js" | "stalled", count: number }} Clients
 * @typedef {{ rate: number, seconds: number, warm?: number[][], clients?: Clients[], resets?: number }} Run `clients`: none, for
 *   a subscriber in the sensor's process. `warm`: rates and for how many seconds, before what is measured
 * @typedef {{ made: number, received: number, lost: number, bytes: number, fields: number[], p50: number, p99: number,
 *   most: number }} Got
 * @typedef {{ made: number, seconds: number, cpu: number, idle: number, user: number, system: number, lost: number, dropped: number, rss: number,
 *   inside: number, streams: number, got: Got[], resets: number }} Result `cpu`: microseconds an event, of the sensor's
 *   process. `idle`: what another sensor takes at the same time that nobody
 *   subscribed to, for the rest of what happens on the host. `got`: of each entry of `clients`, all of its clients together
 */

/** Compiles the load. @param {string} folder */
export function compileLoad(folder) {
  const program = `${folder}/poller`;
  const { status, stderr } = spawnSync(
    "cc",
    ["-O2", fileURLToPath(new URL("poller.c", import.meta.url)), "-o", program],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(stderr);
  return program;
}

/** @param {string} load @param {Run} run @returns {Promise<Result>} */
export async function measure(load, { rate, seconds, warm = [[rate, 2]], clients = [], resets = 0 }) {
  const host = start("host.mjs", [clients.length === 0 ? "inside" : "service"]);
  const { path, call, origin } = await answer(host);
  const twin = start("host.mjs", ["nobody"]);
  await answer(twin);
  const every = Math.max(1, Math.floor(rate / 5000));
  const readers = clients.map(({ kind, count }) => start("clients.mjs", [kind, count, path, call, origin, every]));
  const wanted = clients.reduce((sum, { count }) => sum + count, 0);
  for (const patience = Date.now() + 10_000; (await ask(host, "end")).streams < wanted; await sleep(20))
    if (Date.now() > patience) throw new Error("not all clients could subscribe");
  const attacker = resets > 0 ? start("resets.mjs", [path, resets]) : undefined;
  // One with a machine of its own would not take the CPU from those who are measured.
  if (attacker?.pid !== undefined) setPriority(attacker.pid, 19);
  // What runs for the first time is not what is measured.
  for (const [warmRate, warmSeconds] of warm) await run(load, warmRate, warmSeconds);
  await sleep(400);
  for (const reader of readers) await ask(reader, "forget");
  const before = await ask(host, "end");
  const resetBefore = attacker && (await ask(attacker, "made")).made;
  await Promise.all([ask(host, "begin"), ask(twin, "begin")]);
  const made = await run(load, rate, seconds);
  await sleep(50);
  const [{ user, system, lost, dropped, inside, streams, rss }, idle] = await Promise.all([
    ask(host, "end"),
    ask(twin, "end"),
  ]);
  const reset = attacker && (await ask(attacker, "made")).made - resetBefore;
  attacker?.disconnect();
  await sleep(1000);
  const got = await Promise.all(readers.map(async (reader) => ({ made, ...(await ask(reader, "tell")) })));
  for (const reader of readers) reader.disconnect();
  for (const each of [host, twin]) each.send("stop");
  await Promise.all([once(host, "exit"), once(twin, "exit")]);
  return {
    made,
    seconds,
    cpu: (user + system) / made,
    idle: (idle.user + idle.system) / made,
    user: user / made,
    system: system / made,
    lost: lost - before.lost,
    dropped: dropped - before.dropped,
    inside: inside - before.inside,
    streams,
    rss,
    got,
    resets: (reset ?? 0) / seconds,
  };
}

/** @param {string} file @param {(string | number)[]} args */
function start(file, args) {
  const execArgv = file === "host.mjs" ? (process.env.HOST_ARGV ?? "").split(" ").filter(Boolean) : [];
  return fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String), { execArgv });
}

/** @param {import("node:child_process").ChildProcess} child @param {string} message */
async function ask(child, message) {
  child.send(message);
  return answer(child);
}

/** @param {import("node:child_process").ChildProcess} child @returns {Promise<any>} */
function answer(child) {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error("a process of the run has ended"));
    child.once("exit", onExit).once("message", (result) => {
      child.off("exit", onExit);
      resolve(result);
    });
  });
}

/** @param {string} load @param {number} rate @param {number} seconds */
async function run(load, rate, seconds) {
  const child = spawn(load, [`${rate}`, `${seconds}`], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (part) => {
    text += part;
  });
  await once(child, "close");
  return Number(text);
}

/** @param {number} milliseconds */
function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
