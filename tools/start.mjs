// Builds, starts the sensor service, subscribes to it as any client would and prints what happens until Ctrl-C. What is
// given after `npm start --` goes to `kernscope events`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const address = process.env.KERNSCOPE_LISTEN ?? "unix:/run/kernscope/sensor.sock";
const program = (name) => join(root, "packages", name, "dist", "main.js");

build();
const service = spawn(process.execPath, [program("telemetry-service"), "--listen", address], {
  stdio: ["ignore", "inherit", "inherit"],
  env: { KERNSCOPE_LOG_LEVEL: "warn", ...process.env },
  // A group of its own: Ctrl-C ends the client, which is told the last events; then the service is asked to end.
  detached: true,
});
const serviceEnded = once(service, "exit").then(([status, signal]) => status ?? (signal === null ? 1 : 128));
process.on("exit", () => service.kill("SIGTERM"));

const ready = await Promise.race([served(address), serviceEnded]);
if (ready !== "served") process.exit(ready);
const client = spawn(process.execPath, [program("cli"), "events", "--address", address, ...process.argv.slice(2)], {
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => client.kill(signal));
const [status] = await Promise.race([once(client, "exit"), serviceEnded.then((ended) => [ended || 1])]);
client.kill("SIGTERM");
service.kill("SIGTERM");
await Promise.race([serviceEnded, sleep(10_000, undefined, { ref: false })]);
process.exitCode = status ?? 1;

/** Waits until the service takes connections. */
async function served(address) {
  while (service.exitCode === null && service.signalCode === null) {
    if (await canConnect(address)) return "served";
    await sleep(50);
  }
  return serviceEnded;
}

function canConnect(address) {
  const [host, port] = address.split(/:(?=\d+$)/);
  const target = address.startsWith("unix:") ? { path: address.slice(5) } : { host, port: Number(port) };
  return new Promise((resolve) => {
    const socket = connect(target, () => resolve(socket.destroy() !== undefined));
    socket.on("error", () => resolve(false));
  });
}
