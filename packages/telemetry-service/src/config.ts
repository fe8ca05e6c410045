import { readFileSync } from "node:fs";
import { defaultAddress } from "@kernscope/telemetry-api";
import {
  type FollowedField,
  type LogLevel,
  readAddresses,
  readBoolean,
  readCgroups,
  readFollow,
  readGroup,
  readLimits,
  readLogLevel,
  readMode,
  readOrigins,
  readPath,
  readRingPages,
  readRingSize,
} from "./config-readers.js";
import { defaultLimits, type ServiceLimits } from "./limits.js";

/** How the program runs. */
export interface Config {
  /** Addresses, in the order in which they were given. */
  readonly listen: readonly string[];
  /** Permissions of UNIX sockets. */
  readonly socketMode: number;
  /** Id of the group of UNIX sockets; undefined: that of the process. */
  readonly socketGroup: number | undefined;
  /** Paths of what encrypts TCP, see `TlsFiles`. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  /** Path of the bearer tokens. */
  readonly tokenFile: string | undefined;
  /** Origins whose pages may subscribe. */
  readonly allowOrigins: readonly string[];
  /** Control groups to watch; empty: the whole host. */
  readonly cgroups: readonly string[];
  /** What of processes is followed through system calls where the kernel has no probes. */
  readonly follow: readonly FollowedField[];
  /** Bytes of the ring of each CPU. */
  readonly ringSize: number;
  readonly logLevel: LogLevel;
  readonly limits: ServiceLimits;
}

/** Flags as they were given, by their names without dashes in camelCase. */
export type Flags = { readonly [name: string]: string | readonly string[] | boolean | undefined };

/** Everything that is wrong with a configuration, a line each with its remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.mistakes = mistakes;
  }
}

interface Setting<T> {
  readonly flag: string;
  readonly variable: string;
  /** Names of the original sensor, which come after ours. */
  readonly original?: readonly string[];
  /** Takes the items of a list. Variables separate them by commas. */
  readonly list?: boolean;
  readonly read: (items: readonly string[]) => T;
  /** Reads the original's variable where it means something else. */
  readonly readOriginal?: (text: string) => T;
  readonly otherwise: T;
}

const one =
  <T>(read: (text: string) => T) =>
  ([text = ""]: readonly string[]) =>
    read(text);
const path = { read: one<string | undefined>(readPath), otherwise: undefined };
const ORIGINAL = "CAPSULE8_SENSOR";

/** Every setting. The file has them by these names. */
const settings: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  listen: {
    flag: "--listen",
    variable: "KERNSCOPE_LISTEN",
    original: [`${ORIGINAL}_SERVER_ADDR`],
    list: true,
    read: readAddresses,
    otherwise: [defaultAddress],
  },
  socketMode: { flag: "--socket-mode", variable: "KERNSCOPE_SOCKET_MODE", read: one(readMode), otherwise: 0o660 },
  socketGroup: {
    flag: "--socket-group",
    variable: "KERNSCOPE_SOCKET_GROUP",
    read: one((text) => readGroup(text)),
    otherwise: undefined,
  },
  tlsCert: {
    ...path,
    flag: "--tls-cert",
    variable: "KERNSCOPE_TLS_CERT",
    original: [`${ORIGINAL}_TLS_SERVER_CERT_PATH`],
  },
  tlsKey: { ...path, flag: "--tls-key", variable: "KERNSCOPE_TLS_KEY", original: [`${ORIGINAL}_TLS_SERVER_KEY_PATH`] },
  tlsClientCa: {
    ...path,
    flag: "--tls-client-ca",
    variable: "KERNSCOPE_TLS_CLIENT_CA",
    // The original's two spellings come from how its library cut names.
    original: [`${ORIGINAL}_TLSCA_CERT_PATH`, `${ORIGINAL}_TLS_CA_CERT_PATH`],
  },
  tokenFile: { ...path, flag: "--token-file", variable: "KERNSCOPE_TOKEN_FILE" },
  allowOrigins: {
    flag: "--allow-origin",
    variable: "KERNSCOPE_ALLOW_ORIGINS",
    list: true,
    read: readOrigins,
    otherwise: [],
  },
  cgroups: {
    flag: "--cgroup",
    variable: "KERNSCOPE_CGROUPS",
    original: [`${ORIGINAL}_CGROUP_NAME`],
    list: true,
    read: readCgroups,
    otherwise: [],
  },
  follow: { flag: "--follow", variable: "KERNSCOPE_FOLLOW", list: true, read: readFollow, otherwise: [] },
  ringSize: {
    flag: "--ring-size",
    variable: "KERNSCOPE_RING_SIZE",
    original: [`${ORIGINAL}_RING_BUFFER_PAGES`],
    read: one(readRingSize),
    readOriginal: readRingPages,
    otherwise: 2 * 1024 * 1024,
  },
  logLevel: { flag: "--log-level", variable: "KERNSCOPE_LOG_LEVEL", read: one(readLogLevel), otherwise: "info" },
  limits: {
    flag: "--limit",
    variable: "KERNSCOPE_LIMITS",
    list: true,
    read: (items) => ({ ...defaultLimits, ...readLimits(items) }),
    otherwise: defaultLimits,
  },
};

/** The original's switch: without it its paths of certificates mean nothing. */
const ORIGINAL_TLS = `${ORIGINAL}_USE_TLS`;
const originalTls = new Set<string>(["tlsCert", "tlsKey", "tlsClientCa"]);

/**
 * Reads the configuration: flags before environment before the file before the original's variables before defaults. A
 * variable that is empty says nothing.
 *
 * @param flags of them `config` is the path of the file, in JSON
 * @throws ConfigError with all mistakes, those of `mistakes` first
 */
export function readConfig(flags: Flags, env: NodeJS.ProcessEnv, mistakes: readonly string[] = []): Config {
  const found = [...mistakes];
  const file = readFile(flags.config?.toString() || env.KERNSCOPE_CONFIG, found);
  const useTls = attempt(ORIGINAL_TLS, found, false, () => readBoolean(env[ORIGINAL_TLS] || "false"));
  const config = Object.fromEntries(
    Object.entries<Setting<unknown>>(settings).map(([name, setting]) => {
      const said = sayings(name, setting, { flags, env, file, useTls })[0];
      if (said === undefined) return [name, setting.otherwise];
      const items = said.items.map((item) => item.trim());
      const read = said.original && setting.readOriginal ? one(setting.readOriginal) : setting.read;
      return [name, attempt(said.source, found, setting.otherwise, () => read(items))];
    }),
  ) as unknown as Config;
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    found.push("--tls-cert, --tls-key: one is given without the other – give both");
  }
  if (config.tlsClientCa !== undefined && config.tlsCert === undefined) {
    found.push("--tls-client-ca: clients cannot be asked in the clear – give --tls-cert and --tls-key too");
  }
  if (found.length > 0) throw new ConfigError(found);
  return config;
}

/** Variables of the original that are set and mean nothing here. */
export function meaningless(env: NodeJS.ProcessEnv): string[] {
  const known = new Set([
    ORIGINAL_TLS,
    ...Object.values<Setting<unknown>>(settings).flatMap(({ original = [] }) => original),
  ]);
  return Object.keys(env).filter((name) => name.startsWith("CAPSULE8_") && env[name] !== "" && !known.has(name));
}

interface Sources {
  readonly flags: Flags;
  readonly env: NodeJS.ProcessEnv;
  readonly file: Readonly<Record<string, readonly string[]>>;
  readonly useTls: boolean;
}

interface Saying {
  /** Where it stands. */
  readonly source: string;
  readonly items: readonly string[];
  readonly original?: boolean;
}

/** What the sources say of a setting: what counts first. */
function sayings(name: string, setting: Setting<unknown>, { flags, env, file, useTls }: Sources): Saying[] {
  const { flag, variable, original = [], list = false } = setting;
  const fromEnvironment = (source: string) => {
    const text = env[source] ?? "";
    return text === "" ? [] : [{ source, items: list ? text.split(",") : [text] }];
  };
  const given = flags[nameOfFlag(flag)];
  return [
    ...(given === undefined ? [] : [{ source: flag, items: [given].flat().map(String) }]),
    ...fromEnvironment(variable),
    ...(file[name] === undefined ? [] : [{ source: `${name} in the file`, items: file[name] }]),
    ...(originalTls.has(name) && !useTls ? [] : original)
      .flatMap(fromEnvironment)
      .map((saying) => ({ ...saying, original: true })),
  ];
}

/** How commander names the value of a flag. */
function nameOfFlag(flag: string): string {
  return flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Settings of a file by name, each as its items. */
function readFile(path: string | undefined, mistakes: string[]): Sources["file"] {
  if (path === undefined || path === "") return {};
  const source = `--config ${path}`;
  return attempt(source, mistakes, {}, () => {
    const content: unknown = parseFile(path);
    if (typeof content !== "object" || content === null || Array.isArray(content)) {
      throw new Error('it is no object – write {"listen": […], …}');
    }
    const found: Record<string, readonly string[]> = {};
    for (const [name, value] of Object.entries(content)) {
      if (!Object.hasOwn(settings, name)) {
        mistakes.push(
          `${source}: there is no setting ${JSON.stringify(name)} – there are ${Object.keys(settings).join(", ")}`,
        );
        continue;
      }
      const items = itemsOf(value);
      if (items !== undefined) found[name] = items;
      else
        mistakes.push(`${source}: ${name} is neither text nor number, nor a list of them – see --check for the form`);
    }
    return found;
  });
}

function parseFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${(error as Error).message} – give a file in JSON`);
  }
}

function itemsOf(value: unknown): string[] | undefined {
  const isPlain = (each: unknown) => typeof each === "string" || typeof each === "number";
  if (isPlain(value)) return [String(value)];
  if (Array.isArray(value)) return value.every(isPlain) ? value.map(String) : undefined;
  if (typeof value !== "object" || value === null || !Object.values(value).every(isPlain)) return undefined;
  return Object.entries(value).map(([name, number]) => `${name}=${number}`);
}

function attempt<T>(source: string, mistakes: string[], otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    mistakes.push(`${source}: ${(error as Error).message}`);
    return otherwise;
  }
}
