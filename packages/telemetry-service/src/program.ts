import { readFileSync } from "node:fs";
import type { Sensor } from "@kernscope/sensor";
import { defaultAddress } from "@kernscope/telemetry-api";
import { Command, CommanderError } from "commander";
import { type Logger, pino } from "pino";
import { type Config, meaningless, readConfig } from "./config.js";
import { checkConfig, printConfig, serviceOptions } from "./config-check.js";
import type { Flags } from "./config-sources.js";
import type { EventProvider } from "./event-provider.js";
import { TelemetryService } from "./service.js";

/** The sensor that the program runs. */
export type OwnedSensor = EventProvider & Pick<Sensor, "id" | "start" | "stop" | "failed">;

/** What the program's surroundings are; tests give others. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly openSensor: (config: Config) => Promise<OwnedSensor>;
}

/** Exit statuses. */
const OK = 0;
const FAILED = 1;
const USAGE = 2;
/** As sysexits(3)'s EX_NOPERM, which service managers know. */
const NO_PRIVILEGES = 77;

/**
 * Runs `kernscope-sensor` until SIGTERM or SIGINT.
 *
 * @param args arguments, without program and script
 * @returns the exit status
 */
export async function runProgram(args: readonly string[], { env, openSensor }: Surroundings): Promise<number> {
  const mistakes: string[] = [];
  const command = commandLine();
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return OK;
    mistakes.push(error.message.replace(/^error: /, ""));
  }
  for (const word of command.args) mistakes.push(`${word}: unknown – see --help for what there is`);
  const flags: Flags = command.opts();
  const read = readConfig(flags, env);
  mistakes.push(...read.mistakes, ...checkConfig(read));
  if (mistakes.length > 0) {
    for (const mistake of mistakes) say(mistake);
    return USAGE;
  }
  const { config } = read;
  if (flags.check) {
    process.stdout.write(printConfig(config));
    return OK;
  }
  const log = pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true }));
  for (const variable of meaningless(env)) log.warn({ variable }, "this variable has no meaning here");
  return runService(config, log, openSensor);
}

async function runService(config: Config, log: Logger, openSensor: Surroundings["openSensor"]): Promise<number> {
  const signalled = nextSignal();
  const stopTime = SENSOR_STOP_TIME + config.limits.stopTime;
  let sensor: OwnedSensor | undefined;
  let service: TelemetryService | undefined;
  try {
    sensor = await openSensor(config);
    await sensor.start();
    service = new TelemetryService(sensor, config.listen, {
      ...serviceOptions(config),
      processFigures: true,
      onFault: (err) => log.error({ err }, "fault"),
    });
    await service.serve();
  } catch (error) {
    await stop(log, stopTime, sensor, service);
    return tellWhyNot(error);
  }
  log.info({ addresses: config.listen, sensor: sensor.id }, "serving");
  const why = await Promise.race([signalled, sensor.failed]);
  if (typeof why === "string") log.info({ signal: why }, "stopping");
  else log.fatal({ err: why }, "the sensor failed");
  const stopped = await stop(log, stopTime, sensor, service);
  return typeof why === "string" && stopped ? OK : FAILED;
}

/** Milliseconds in which a sensor stops: it reads what is left and closes what is open. */
const SENSOR_STOP_TIME = 5000;

/**
 * Stops both, the sensor first: so what happened before is still delivered. Returns whether it went well and within `time`
 * milliseconds.
 */
async function stop(log: Logger, time: number, sensor?: OwnedSensor, service?: TelemetryService): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not stopped after ${time} ms`)), time);
  });
  const inOrder = async () => {
    try {
      await sensor?.stop();
    } finally {
      await service?.stop();
    }
  };
  try {
    await Promise.race([inOrder(), late]);
    return true;
  } catch (err) {
    log.error({ err }, "could not stop properly");
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
  });
}

/** Tells in a paragraph why the service does not run, and returns the exit status for it. */
function tellWhyNot(error: unknown): number {
  const { name, code, message } = error as Error & { code?: unknown };
  if (name === "SensorError" && code === "permission") {
    say(
      `${message}. Watching a host takes privileges that this process (user ${process.geteuid?.()}) has not: run it as ` +
        "root, or grant it CAP_PERFMON, CAP_IPC_LOCK, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE and CAP_SYS_NICE (and CAP_SYS_ADMIN where " +
        "tracefs is not mounted), for example by AmbientCapabilities= in its systemd unit.",
    );
    return NO_PRIVILEGES;
  }
  const isOurs = name === "SensorError" || name === "TelemetryServiceError";
  say(isOurs ? message : `unexpected: ${(error as Error)?.stack ?? error}`);
  return FAILED;
}

function commandLine(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return new Command("kernscope-sensor")
    .description("Watches this host and serves its telemetry events.")
    .option("--listen <address>", `unix:PATH or HOST:PORT; may be given again (default: ${defaultAddress})`, collect)
    .option("--socket-mode <mode>", "permissions of UNIX sockets (default: 0660)")
    .option("--socket-group <group>", "group of UNIX sockets: name or number (default: that of the process)")
    .option("--tls-cert <file>", "certificate that encrypts TCP, in PEM; read again when it changes")
    .option("--tls-key <file>", "its key")
    .option("--tls-client-ca <file>", "authorities whose clients may connect by TCP")
    .option("--token-file <file>", "bearer tokens of clients by TCP: a line OWNER TOKEN each")
    .option("--allow-origin <origin>", "origin whose pages may subscribe; may be given again (default: none)", collect)
    .option("--cgroup <path>", "control group to watch; may be given again (default: the whole host)", collect)
    .option("--follow <value>", "creds or cwd: followed through system calls where the kernel has no probes", collect)
    .option("--ring-size <bytes>", "ring of each CPU: a power of two (default: 2MiB)")
    .option("--limit <name=number>", "bound of what clients can take; may be given again; --check shows them", collect)
    .option("--log-level <level>", "silent, fatal, error, warn, info, debug or trace (default: info)")
    .option("--config <file>", "settings in JSON, as --check prints them")
    .option("--check", "check the configuration, print what is in effect, and end")
    .version(version)
    .addHelpText("after", environmentHelp)
    .allowUnknownOption()
    .allowExcessArguments()
    .configureOutput({ outputError: () => {} })
    .exitOverride();
}

const environmentHelp = `
Beyond this host TCP takes --tls-cert, --tls-key, and --tls-client-ca or --token-file.

Environment, where no flag is given:
  KERNSCOPE_LISTEN, KERNSCOPE_RING_SIZE, …   as the flags; KERNSCOPE_ALLOW_ORIGINS, KERNSCOPE_CGROUPS, KERNSCOPE_FOLLOW,
                                             KERNSCOPE_LIMITS and KERNSCOPE_LISTEN take several, separated by commas
  CAPSULE8_SENSOR_SERVER_ADDR, …             as the original sensor has them

Logs go to stderr, a JSON object a line. Ends with 0 after SIGTERM or SIGINT, 2 for a mistake in the configuration,
77 without the privileges it needs, 1 for any other failure.`;

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function say(text: string): void {
  process.stderr.write(`kernscope-sensor: ${text}\n`);
}
