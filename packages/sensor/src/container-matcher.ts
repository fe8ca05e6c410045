import { SensorError } from "./errors.js";
import type { ContainerLabels } from "./event-context.js";
import { pathGlob } from "./glob.js";
import type { ContainerFilter } from "./subscription-request.js";

/** Entries of a filter, and characters of each and of all globs: bounds what it costs to look at one container. */
const MAX_ENTRIES = 1024;
const MAX_LENGTH = 1024;
const MAX_GLOBS = 65_536;
/** The first digits of a container's id (64 of them), as tools print it. */
const PREFIX = /^[0-9a-f]{12,63}$/;

/** What was found of a container, and of which labels. */
interface Verdict {
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly matches: boolean;
}

/** Tells whether a container is one that a filter names. */
export class ContainerMatcher {
  /** The filter asks for more than ids: it has to be known what the runtime says of a container. */
  readonly needsLabels: boolean;
  readonly #ids: ReadonlySet<string>;
  /** Ids that may be the beginnings of longer ones, by their length. */
  readonly #prefixes: ReadonlyMap<number, ReadonlySet<string>>;
  readonly #names: ReadonlySet<string>;
  readonly #imageIds: ReadonlySet<string>;
  readonly #globs: readonly ((imageName: string) => boolean)[];
  /** A container is looked at when its labels change, not for each of its events. */
  readonly #verdicts = new WeakMap<ContainerLabels, Verdict>();

  /**
   * A matcher for a filter; `undefined` for one that names nothing and so restricts nothing.
   *
   * @throws SensorError `invalid`
   */
  static of(filter: ContainerFilter | undefined): ContainerMatcher | undefined {
    if (filter === undefined) return undefined;
    const { ids = [], names = [], imageIds = [], imageNames = [] } = filter;
    const all = [...ids, ...names, ...imageIds, ...imageNames];
    if (all.length === 0) return undefined;
    if (all.length > MAX_ENTRIES) throw invalid(`it has ${all.length} entries – give ${MAX_ENTRIES} at the most`);
    for (const entry of all) {
      if (typeof entry !== "string" || entry === "" || entry.length > MAX_LENGTH) {
        throw invalid(`an entry is empty or longer than ${MAX_LENGTH} characters – give ids, names or globs`);
      }
    }
    const characters = imageNames.reduce((sum, { length }) => sum + length, 0);
    if (characters > MAX_GLOBS) {
      throw invalid(`its image names have ${characters} characters – give ${MAX_GLOBS} at the most`);
    }
    return new ContainerMatcher(ids, names, imageIds, imageNames);
  }

  private constructor(
    ids: readonly string[],
    names: readonly string[],
    imageIds: readonly string[],
    globs: readonly string[],
  ) {
    this.#ids = new Set(ids);
    this.#prefixes = prefixesOf(ids);
    this.#names = new Set(names);
    this.#imageIds = new Set(imageIds);
    this.#globs = [...new Set(globs)].map(pathGlob);
    this.needsLabels = names.length + imageIds.length + globs.length > 0;
  }

  matches(container: ContainerLabels): boolean {
    if (container.id === "") return false;
    const { name, imageId, imageName } = container;
    const known = this.#verdicts.get(container);
    if (known !== undefined && known.name === name && known.imageId === imageId && known.imageName === imageName) {
      return known.matches;
    }
    const matches = this.#look(container);
    this.#verdicts.set(container, { name, imageId, imageName, matches });
    return matches;
  }

  /** Whether it may still turn out that a container is one that the filter names. */
  mayMatch(container: ContainerLabels): boolean {
    return this.matches(container) || (this.needsLabels && !container.settled);
  }

  /** Whether a container that does not match might, if a label that the filter asks for were known. */
  isUndecided({ name, imageId, imageName, settled }: ContainerLabels): boolean {
    if (settled) return false;
    return (
      (name === "" && this.#names.size > 0) ||
      (imageId === "" && this.#imageIds.size > 0) ||
      (imageName === "" && this.#globs.length > 0)
    );
  }

  #look({ id, name, imageId, imageName }: ContainerLabels): boolean {
    return (
      this.#ids.has(id) ||
      this.#hasPrefixOf(id) ||
      (name !== "" && this.#names.has(name)) ||
      (imageId !== "" && this.#imageIds.has(imageId)) ||
      (imageName !== "" && this.#globs.some((matches) => matches(imageName)))
    );
  }

  #hasPrefixOf(id: string): boolean {
    for (const [length, prefixes] of this.#prefixes) if (prefixes.has(id.slice(0, length))) return true;
    return false;
  }
}

function prefixesOf(ids: readonly string[]): ReadonlyMap<number, ReadonlySet<string>> {
  const byLength = new Map<number, Set<string>>();
  for (const id of ids) {
    if (!PREFIX.test(id)) continue;
    const prefixes = byLength.get(id.length) ?? new Set();
    byLength.set(id.length, prefixes.add(id));
  }
  return byLength;
}

function invalid(cause: string): SensorError {
  return new SensorError("invalid", `newSubscription(containers): ${cause}`);
}
