import { SensorError } from "./errors.js";
import type { ContainerLabels } from "./event-context.js";
import { matchesGlob } from "./glob.js";
import type { ContainerFilter } from "./subscription-request.js";

/** Entries of a filter, and characters of each: bounds what one event can cost. */
const MAX_ENTRIES = 1024;
const MAX_LENGTH = 1024;

/** Tells whether a container is one that a filter names. */
export class ContainerMatcher {
  /** The filter asks for more than ids: it has to be known what the runtime says of a container. */
  readonly needsLabels: boolean;
  readonly #ids: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #imageIds: ReadonlySet<string>;
  readonly #globs: readonly string[];

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
    return new ContainerMatcher(ids, names, imageIds, imageNames);
  }

  private constructor(
    ids: readonly string[],
    names: readonly string[],
    imageIds: readonly string[],
    globs: readonly string[],
  ) {
    this.#ids = new Set(ids);
    this.#names = new Set(names);
    this.#imageIds = new Set(imageIds);
    this.#globs = globs;
    this.needsLabels = names.length + imageIds.length + globs.length > 0;
  }

  matches({ id, name, imageId, imageName }: ContainerLabels): boolean {
    if (id === "") return false;
    return (
      this.#ids.has(id) ||
      (name !== "" && this.#names.has(name)) ||
      (imageId !== "" && this.#imageIds.has(imageId)) ||
      (imageName !== "" && this.#globs.some((glob) => matchesGlob(glob, imageName)))
    );
  }
}

function invalid(cause: string): SensorError {
  return new SensorError("invalid", `newSubscription(containers): ${cause}`);
}
