/** What JSON from outside may hold: nothing of it is taken for granted. */
export type Json = unknown;

/** Parses text; `undefined` for what is no JSON. */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A member of an object, by a path of keys. */
export function at(value: Json, ...keys: readonly string[]): Json {
  let found = value;
  for (const key of keys) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, Json>)[key];
  }
  return found;
}

export function textAt(value: Json, ...keys: readonly string[]): string {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : "";
}

export function numberAt(value: Json, ...keys: readonly string[]): number | undefined {
  const found = at(value, ...keys);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** A whole number from 0 to 2^31 − 1; `undefined` for anything else. */
export function countAt(value: Json, ...keys: readonly string[]): number | undefined {
  const found = numberAt(value, ...keys);
  return found !== undefined && Number.isInteger(found) && found >= 0 && found < 2 ** 31 ? found : undefined;
}

export function listAt(value: Json, ...keys: readonly string[]): readonly Json[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found : [];
}

/** Names and texts of an object, those of other types left out. */
export function textsAt(value: Json, ...keys: readonly string[]): Record<string, string> {
  const found = at(value, ...keys);
  const texts: Record<string, string> = {};
  if (typeof found !== "object" || found === null || Array.isArray(found)) return texts;
  for (const [key, text] of Object.entries(found))
    if (typeof text === "string" && key !== "__proto__") texts[key] = text;
  return texts;
}

/** Unix milliseconds, with their fraction, of a time as RFC 3339 writes it; `undefined` for none, and for the year 1. */
export function timeAt(value: Json, ...keys: readonly string[]): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$/.exec(textAt(value, ...keys));
  if (match === null) return undefined;
  const whole = Date.parse(`${match[1]}${match[3]}`);
  return whole > 0 ? whole + Number(match[2] ?? 0) * 1000 : undefined;
}
