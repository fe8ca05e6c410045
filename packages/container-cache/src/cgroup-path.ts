import { ContainerRuntime } from "./container-state.js";

/** What a part of a cgroup's path says: that it looks like a container's. Whether it is one only a runtime can tell. */
export interface CgroupContainer {
  /** `Unknown` where several runtimes name their cgroups like that. */
  readonly runtime: ContainerRuntime;
  readonly id: string;
  /** Path of the container's own cgroup: the given one, or one that it lies in. */
  readonly path: string;
  /** Uid of the Kubernetes pod that it lies in. */
  readonly podUid?: string;
}

/** PATH_MAX and NAME_MAX (linux/limits.h). */
const PATH_LIMIT = 4096;
const NAME_LIMIT = 255;

/** What the kernel appends in /proc/PID/cgroup to the path of a cgroup that was removed (cgroup(7)). */
const DELETED = " (deleted)";

const FULL_ID = /^[0-9a-f]{64}$/;
/** Names in front of the id: `NAME-ID.scope` of systemd's driver, `NAME-ID` of cgroupfs where a runtime does so. */
const prefixes: Readonly<Record<string, ContainerRuntime>> = {
  docker: ContainerRuntime.Docker,
  "cri-containerd": ContainerRuntime.Containerd,
  nerdctl: ContainerRuntime.Containerd,
  crio: ContainerRuntime.CriO,
  libpod: ContainerRuntime.Podman,
  "libpod-payload": ContainerRuntime.Podman,
};
const PREFIXED = /^([a-z][a-z-]*)-([0-9a-f]{64})(\.scope)?$/;
/** `SLICE:NAME:ID`, where a runtime with the cgroupfs driver was handed a path of systemd's. */
const TRIPLE = /^[^:]{1,200}:([a-z][a-z-]*):([0-9a-f]{64})$/;
/** Ids that an OCI runtime takes from its caller. */
const OCI_SCOPE = /^(?:runc|crun|youki)-([A-Za-z0-9_+.-]{1,200})\.scope$/;
const LXC_PAYLOAD = /^lxc\.payload\.([A-Za-z0-9][A-Za-z0-9_.-]{0,199})$/;
const LXC_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/;
/** `pod<uid>`, and `kubepods-burstable-pod<uid>.slice` with `_` for `-`; a static pod's uid is a hash. */
const POD =
  /^(?:kubepods(?:-[a-z]+)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;
const POD_IN_TRIPLE = /^([^:]+):/;

/**
 * Finds what looks like a container in a cgroup's path: the outermost first, those within it after it. The path is that
 * below the hierarchy's mount, as the kernel's events and /proc/PID/cgroup have it. Everything that is not exactly of a
 * known shape is no container.
 */
export function parseCgroupPath(path: string): CgroupContainer[] {
  if (path.length < 2 || path.length > PATH_LIMIT || path[0] !== "/") return [];
  const whole = path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
  const names = whole.slice(1).split("/");
  if (names.some((name) => name === "" || name === "." || name === ".." || name.length > NAME_LIMIT)) return [];
  const found: CgroupContainer[] = [];
  let podUid: string | undefined;
  let end = 0;
  for (const [index, name] of names.entries()) {
    end += name.length + 1;
    podUid = podUidOf(name) ?? podUid;
    const match = matchName(name, names[index - 1]);
    if (match !== undefined) {
      found.push({ ...match, path: whole.slice(0, end), ...(podUid !== undefined && { podUid }) });
    }
  }
  return found;
}

function matchName(name: string, parent: string | undefined): { runtime: ContainerRuntime; id: string } | undefined {
  if (FULL_ID.test(name)) return matchBare(name, parent);
  const [, prefix, id, scope] = PREFIXED.exec(name) ?? TRIPLE.exec(name) ?? [];
  if (prefix !== undefined && id !== undefined) {
    const runtime = Object.hasOwn(prefixes, prefix) ? prefixes[prefix] : undefined;
    // Without systemd Docker and containerd put no name in front.
    const needsScope = runtime === ContainerRuntime.Docker || runtime === ContainerRuntime.Containerd;
    if (runtime === undefined || (needsScope && scope === undefined && !name.includes(":"))) return undefined;
    return { runtime, id };
  }
  const oci = OCI_SCOPE.exec(name)?.[1];
  if (oci !== undefined) return { runtime: ContainerRuntime.Runc, id: oci };
  const payload = LXC_PAYLOAD.exec(name)?.[1];
  if (payload !== undefined) return { runtime: ContainerRuntime.Lxc, id: payload };
  if ((parent === "lxc" || parent === "lxc.payload") && LXC_NAME.test(name)) {
    return { runtime: ContainerRuntime.Lxc, id: name };
  }
  return undefined;
}

/** A bare id; below podman's parent it is that of a pod. */
function matchBare(id: string, parent: string | undefined) {
  if (parent === "libpod_parent") return undefined;
  return { runtime: parent === "docker" ? ContainerRuntime.Docker : ContainerRuntime.Unknown, id };
}

function podUidOf(name: string): string | undefined {
  const slice = POD_IN_TRIPLE.exec(name)?.[1] ?? name;
  return POD.exec(slice)?.[1]?.replaceAll("_", "-");
}
