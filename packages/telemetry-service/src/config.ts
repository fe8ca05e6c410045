import { type ConfigFile, readConfigFile } from "./config-file.js";
import { type FollowedField, type LogLevel, readBoolean } from "./config-readers.js";
import { ORIGINAL_TLS, one, originalTls, type Setting, settings } from "./config-settings.js";
import { type Flags, whatCounts } from "./config-sources.js";
import type { ServiceLimits } from "./limits.js";

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

/** A configuration, and what is wrong with it. */
export interface ReadConfig {
  /** What could not be read has its default. */
  readonly config: Config;
  /** Everything that is wrong with the form, a line each with its remedy. */
  readonly mistakes: readonly string[];
  /** Settings that were given and could not be read, so that nothing follows from their defaults. */
  readonly unread: ReadonlySet<keyof Config>;
}

/**
 * Reads the configuration: flags before environment before the file before the original's variables before defaults. A
 * variable that is empty says nothing.
 *
 * @param flags of them `config` is the path of the file, in JSON
 */
export function readConfig(flags: Flags, env: NodeJS.ProcessEnv): ReadConfig {
  const mistakes: string[] = [];
  const unread = new Set<keyof Config>();
  const attempt = <T>(source: string, otherwise: T, names: readonly string[], read: () => T): T => {
    try {
      return read();
    } catch (error) {
      mistakes.push(`${source}: ${(error as Error).message}`);
      for (const name of names) unread.add(name as keyof Config);
      return otherwise;
    }
  };
  const names = Object.keys(settings);
  const path = flags.config?.toString() || env.KERNSCOPE_CONFIG;
  const nothing: ConfigFile = { settings: {}, broken: [], mistakes: [] };
  // Whatever stands in a file that cannot be read, nobody knows.
  const file = path ? attempt(`--config ${path}`, nothing, names, () => readConfigFile(path, names)) : nothing;
  mistakes.push(...file.mistakes.map((mistake) => `--config ${path}: ${mistake}`));
  for (const name of file.broken) unread.add(name as keyof Config);
  const useTls = attempt(ORIGINAL_TLS, false, [...originalTls], () => readBoolean(env[ORIGINAL_TLS] || "false"));
  const config = Object.fromEntries(
    Object.entries<Setting<unknown>>(settings).map(([name, setting]) => {
      const said = whatCounts(name, setting, { flags, env, file: file.settings, useTls });
      if (said === undefined) return [name, setting.otherwise];
      // What counts before the file is known in spite of it.
      unread.delete(name as keyof Config);
      const items = said.items.map((item) => item.trim());
      const read = said.original && setting.readOriginal ? one(setting.readOriginal) : setting.read;
      return [name, attempt(said.source, setting.otherwise, [name], () => read(items))];
    }),
  ) as unknown as Config;
  const isGiven = (name: keyof Config) => config[name] !== undefined || unread.has(name);
  if (isGiven("tlsCert") !== isGiven("tlsKey")) {
    mistakes.push("--tls-cert, --tls-key: one is given without the other – give both");
  }
  if (isGiven("tlsClientCa") && !isGiven("tlsCert")) {
    mistakes.push("--tls-client-ca: clients cannot be asked in the clear – give --tls-cert and --tls-key too");
  }
  return { config, mistakes, unread };
}

/** Variables of the original that are set and mean nothing here. */
export function meaningless(env: NodeJS.ProcessEnv): string[] {
  const known = new Set([
    ORIGINAL_TLS,
    ...Object.values<Setting<unknown>>(settings).flatMap(({ original = [] }) => original),
  ]);
  return Object.keys(env).filter((name) => name.startsWith("CAPSULE8_") && env[name] !== "" && !known.has(name));
}
