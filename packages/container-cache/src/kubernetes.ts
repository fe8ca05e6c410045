import type { ContainerPod } from "./container-info.js";

/** Labels of the kubelet, and annotations of containerd's and CRI-O's CRI, by what they tell. */
const keys = {
  name: ["io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name", "io.kubernetes.cri-o.KubeName"],
  namespace: ["io.kubernetes.pod.namespace", "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri-o.Namespace"],
  uid: ["io.kubernetes.pod.uid", "io.kubernetes.cri.sandbox-uid", "io.kubernetes.cri-o.PodUid"],
  containerName: ["io.kubernetes.container.name", "io.kubernetes.cri.container-name"],
} as const;

/** What dockershim calls the container of a pod's sandbox. */
const SANDBOX = "POD";

/** The pod that labels or annotations tell of; `undefined`: none. */
export function podOf(...sources: readonly Readonly<Record<string, string>>[]): ContainerPod | undefined {
  const find = (names: readonly string[]) => {
    for (const source of sources) for (const name of names) if (source[name]) return source[name];
    return "";
  };
  const containerName = find(keys.containerName);
  const pod = {
    name: find(keys.name),
    namespace: find(keys.namespace),
    uid: find(keys.uid),
    containerName: containerName === SANDBOX ? "" : containerName,
  };
  return pod.name === "" && pod.uid === "" ? undefined : pod;
}
