type Fields = { readonly [field: string]: unknown };

/**
 * Copies the named properties of objects of one class into plain objects, which all get the same shape. The function that
 * does it is an object literal, compiled for the second object, since one alone would not be worth it: ten times as fast as
 * adding one property after another.
 */
export class ObjectCopier {
  readonly #names: readonly string[];
  #copy: ((from: Fields) => Record<string, unknown>) | undefined;
  #copied = false;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  copy(from: Fields): Record<string, unknown> {
    if (!this.#copied) {
      this.#copied = true;
      return copyOneByOne(from, this.#names);
    }
    this.#copy ??= literalCopier(this.#names) ?? ((each) => copyOneByOne(each, this.#names));
    return this.#copy(from);
  }
}

function copyOneByOne(from: Fields, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

/** `undefined` where a name is none for a literal, or where Node was told to compile no strings. */
function literalCopier(names: readonly string[]): ((from: Fields) => Record<string, unknown>) | undefined {
  if (names.some((name) => !/^[A-Za-z_]\w*$/.test(name) || name === "__proto__")) return undefined;
  try {
    const body = `return { ${names.map((name) => `"${name}": from.${name}`).join(", ")} };`;
    return new Function("from", body) as (from: Fields) => Record<string, unknown>;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}
