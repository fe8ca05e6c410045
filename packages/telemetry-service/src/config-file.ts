import { readFileSync } from "node:fs";

/** What a file of settings says. */
export interface ConfigFile {
  /** Settings by name, each as its items. */
  readonly settings: Readonly<Record<string, readonly string[]>>;
  /** Names of settings that are there and say nothing that could be understood. */
  readonly broken: readonly string[];
  /** What is wrong with single settings, with the remedy. */
  readonly mistakes: readonly string[];
}

/**
 * Reads a file of settings in JSON, as `--check` prints them.
 *
 * @param names of all settings that there are
 * @throws Error where it is no such file
 */
export function readConfigFile(path: string, names: readonly string[]): ConfigFile {
  const content = parseFile(path);
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new Error('it is no object – write {"listen": […], …}');
  }
  const settings: Record<string, readonly string[]> = {};
  const broken: string[] = [];
  const mistakes: string[] = [];
  for (const [name, value] of Object.entries(content)) {
    if (!names.includes(name)) {
      mistakes.push(`there is no setting ${JSON.stringify(name)} – there are ${names.join(", ")}`);
      continue;
    }
    const items = itemsOf(value);
    if (items !== undefined) settings[name] = items;
    else {
      broken.push(name);
      mistakes.push(`${name} is neither text nor number, nor a list of them – see --check for the form`);
    }
  }
  return { settings, broken, mistakes };
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
