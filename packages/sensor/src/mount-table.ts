/** A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly id: string;
  /** The mount that it lies on. */
  readonly parent: string;
  /** The file system, as the kernel's `dev_t`. */
  readonly device: number;
  /** What of the file system is mounted: a path in it. */
  readonly root: string;
  /** Where. */
  readonly point: string;
}

const NONE: readonly Mount[] = [];

/** Where file systems are mounted, as a process sees it. */
export class MountTable {
  /** The names of all directories on the way to a mount point, or to what of a file system is mounted. */
  readonly names: ReadonlySet<string>;
  /** Those that paths lead into, the ones that show most of their file system first. */
  readonly #byDevice = new Map<number, Mount[]>();
  /** Paths at which another file system than the one around them is seen. */
  readonly #points = new Set<string>();

  /** @param text what mountinfo says */
  constructor(text: string) {
    const children = new Map<string, Mount[]>();
    const mounts = parseMountInfo(text);
    const ids = new Set(mounts.map(({ id }) => id));
    this.names = new Set(mounts.flatMap(({ root, point }) => [...root.split("/"), ...point.split("/")]));
    const outermost: Mount[] = [];
    for (const mount of mounts) {
      const isOutermost = mount.parent === mount.id || !ids.has(mount.parent);
      const siblings = isOutermost ? outermost : (children.get(mount.parent) ?? []);
      siblings.push(mount);
      if (!isOutermost) children.set(mount.parent, siblings);
    }
    this.#add(outermost, children);
    for (const list of this.#byDevice.values()) list.sort((a, b) => a.root.length - b.root.length);
  }

  /**
   * The absolute path of a path within a file system. Where it can be reached by several it is always the same of them;
   * `undefined` where none leads there: it is not mounted, or something else is mounted over it.
   *
   * @param device the kernel's `dev_t`
   */
  locate(device: number, path: string): string | undefined {
    for (const { root, point } of this.mountsOf(device)) {
      if (!isBelow(path, root)) continue;
      const inner = root === "/" ? path : path.slice(root.length);
      const place = point === "/" ? inner || "/" : inner === "/" ? point : point + inner;
      if (!this.#isCovered(place, point.length)) return place;
    }
    return undefined;
  }

  /** Where paths lead into a file system. */
  mountsOf(device: number): readonly Mount[] {
    return this.#byDevice.get(device) ?? NONE;
  }

  /** Adds mounts of one parent, and what lies on them: those alone that paths lead into. */
  #add(siblings: readonly Mount[], children: ReadonlyMap<string, readonly Mount[]>): void {
    const points = new Set(siblings.map(({ point }) => point));
    for (const mount of siblings) {
      const { id, device, point } = mount;
      if (isBelowOneOf(points, point)) continue;
      const inner = children.get(id) ?? NONE;
      const over = inner.filter((each) => each.point === point);
      this.#points.add(point);
      if (over.length > 0) {
        this.#add(over, children);
        continue;
      }
      const list = this.#byDevice.get(device) ?? [];
      list.push(mount);
      this.#byDevice.set(device, list);
      this.#add(inner, children);
    }
  }

  /** Whether something is mounted on the way to a path, behind its first `from` characters. */
  #isCovered(path: string, from: number): boolean {
    if (path.length <= from) return false;
    for (let at = path.indexOf("/", from + 1); at >= 0; at = path.indexOf("/", at + 1)) {
      if (this.#points.has(path.slice(0, at))) return true;
    }
    return this.#points.has(path);
  }
}

/** Blanks and the like stand in it as octal escapes. */
function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [id, parent, numbers, root, point] = line.split(" ", 5);
    if (id === undefined || parent === undefined || root === undefined || point === undefined) continue;
    const [major, minor] = numbers!.split(":").map(Number);
    const device = major! * 2 ** 20 + minor!;
    mounts.push({ id, parent, device, root: unescapeOctal(root), point: unescapeOctal(point) });
  }
  return mounts;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function isBelow(path: string, root: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}

/** Whether a mount point lies below another one. */
function isBelowOneOf(points: ReadonlySet<string>, point: string): boolean {
  if (point === "/") return false;
  for (let at = point.lastIndexOf("/"); at > 0; at = point.lastIndexOf("/", at - 1)) {
    if (points.has(point.slice(0, at))) return true;
  }
  return points.has("/");
}
