import { defaultAddress, parseAddress } from "@kernscope/telemetry-api";

/** How the program runs. */
export interface Config {
  /** Addresses, in the order in which they were given. */
  readonly listen: readonly string[];
  /** Bytes of the ring of each CPU. */
  readonly ringSize: number;
  readonly logLevel: LogLevel;
}

/** How much the program says; each level includes those before it. */
export const logLevels = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Flags as they were given. */
export interface Flags {
  readonly listen?: readonly string[];
  readonly ringSize?: string;
  readonly logLevel?: string;
}

/** Everything that is wrong with a configuration, a line each with its remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.mistakes = mistakes;
  }
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of every kernel that is supported; larger pages make larger rings of the original's page counts, never smaller ones. */
const PAGE = 4 * KIB;
const MIN_RING = 2 * PAGE;
const MAX_RING = 1024 * MIB;
const units: Readonly<Record<string, number>> = { "": 1, k: KIB, m: MIB, g: 1024 * MIB };

type Reader<T> = (text: string) => T;

/** Where a setting can come from: the first that says something is taken. Names of the original sensor come last. */
const sources: { readonly [K in keyof Config]: Readonly<Record<string, Reader<Config[K]>>> } = {
  listen: {
    "--listen": (text) => addresses(text.split("\n")),
    KERNSCOPE_LISTEN: (text) => addresses(text.split(",")),
    CAPSULE8_SENSOR_SERVER_ADDR: (text) => addresses([text]),
  },
  ringSize: {
    "--ring-size": ringSize,
    KERNSCOPE_RING_SIZE: ringSize,
    CAPSULE8_SENSOR_RING_BUFFER_PAGES: ringPages,
  },
  logLevel: {
    "--log-level": logLevel,
    KERNSCOPE_LOG_LEVEL: logLevel,
  },
};
const defaults: Config = { listen: [defaultAddress], ringSize: 2 * MIB, logLevel: "info" };

/**
 * Reads the configuration: flags before environment before defaults. A variable that is empty says nothing.
 *
 * @throws ConfigError with all mistakes, those of `mistakes` first
 */
export function readConfig(flags: Flags, env: NodeJS.ProcessEnv, mistakes: readonly string[] = []): Config {
  const found = [...mistakes];
  const said: NodeJS.ProcessEnv = {
    ...env,
    "--listen": flags.listen?.join("\n"),
    "--ring-size": flags.ringSize,
    "--log-level": flags.logLevel,
  };
  const read = <K extends keyof Config>(name: K): Config[K] => {
    for (const [source, reader] of Object.entries(sources[name])) {
      const text = said[source];
      if (text === undefined || (text === "" && !source.startsWith("--"))) continue;
      try {
        return reader(text);
      } catch (error) {
        found.push(`${source}: ${(error as Error).message}`);
        return defaults[name];
      }
    }
    return defaults[name];
  };
  const config: Config = { listen: read("listen"), ringSize: read("ringSize"), logLevel: read("logLevel") };
  if (found.length > 0) throw new ConfigError(found);
  return config;
}

function addresses(texts: readonly string[]): string[] {
  const found = new Set<string>();
  const faults: string[] = [];
  for (const text of texts.map((item) => item.trim())) {
    try {
      if (parseAddress(text).kind === "tcp") throw new Error(`${text}: TCP is not served yet – give unix:PATH`);
      if (found.has(text)) throw new Error(`${text} is there twice – give each address once`);
      found.add(text);
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
  return [...found];
}

function ringSize(text: string): number {
  const match = /^(\d+)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim());
  const size = match === null ? Number.NaN : Number(match[1]) * (units[match[2]?.toLowerCase() ?? ""] ?? Number.NaN);
  const pages = size / PAGE;
  if (size >= MIN_RING && size <= MAX_RING && Number.isInteger(Math.log2(pages))) return size;
  throw new Error(`${JSON.stringify(text)} is no size of a ring – give a power of two from 8KiB to 1GiB, such as 2MiB`);
}

function ringPages(text: string): number {
  const pages = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (pages * PAGE >= MIN_RING && pages * PAGE <= MAX_RING && Number.isInteger(Math.log2(pages))) return pages * PAGE;
  throw new Error(`${JSON.stringify(text)} is no number of pages – give a power of two from 2 to ${MAX_RING / PAGE}`);
}

function logLevel(text: string): LogLevel {
  const level = logLevels.find((name) => name === text.trim().toLowerCase());
  if (level !== undefined) return level;
  throw new Error(`there is no level ${JSON.stringify(text)} – give one of ${logLevels.join(", ")}`);
}
