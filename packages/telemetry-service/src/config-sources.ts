import type { ConfigFile } from "./config-file.js";
import { originalTls, type Setting } from "./config-settings.js";

/** Flags as they were given, by their names without dashes in camelCase. */
export type Flags = { readonly [name: string]: string | readonly string[] | boolean | undefined };

/** Where settings come from. */
export interface Sources {
  readonly flags: Flags;
  readonly env: NodeJS.ProcessEnv;
  readonly file: ConfigFile["settings"];
  /** Whether the original's variables of TLS count. */
  readonly useTls: boolean;
}

/** What a source says of a setting. */
export interface Saying {
  /** Where it stands. */
  readonly source: string;
  readonly items: readonly string[];
  /** Whether it is the original's variable. */
  readonly original?: boolean;
}

/**
 * What counts of a setting: flags before environment before the file before the original's variables. A variable that is
 * empty says nothing.
 *
 * @returns undefined where nothing is said
 */
export function whatCounts(name: string, setting: Setting<unknown>, sources: Sources): Saying | undefined {
  const { flags, env, file, useTls } = sources;
  const { flag, variable, original = [], list = false } = setting;
  const fromEnvironment = (source: string): Saying[] => {
    const text = env[source] ?? "";
    return text === "" ? [] : [{ source, items: list ? text.split(",") : [text] }];
  };
  const given = flags[nameOfFlag(flag)];
  const inFile = file[name];
  const [first] = [
    ...(given === undefined ? [] : [{ source: flag, items: [given].flat().map(String) }]),
    ...fromEnvironment(variable),
    ...(inFile === undefined ? [] : [{ source: `${name} in the file`, items: inFile }]),
    ...(originalTls.has(name) && !useTls ? [] : original)
      .flatMap(fromEnvironment)
      .map((saying) => ({ ...saying, original: true })),
  ];
  return first;
}

/** How commander names the value of a flag. */
function nameOfFlag(flag: string): string {
  return flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
