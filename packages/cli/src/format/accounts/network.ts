import { type NetworkAddress, type NetworkEvent, NetworkEventType } from "@kernscope/telemetry-api";
import type { Account } from "../account.js";
import { quoted } from "../printable.js";
import { resultText } from "../result-text.js";

/** The call without what it tells of it: `connect-result` is the result of `connect`. */
export function networkAccount(network: NetworkEvent): Account {
  const name = NetworkEventType[network.type];
  if (name === undefined || network.type === NetworkEventType.UNKNOWN) {
    return { what: `network ${Number(network.type)}`, more: "" };
  }
  const what = name.replace(/_(?:ATTEMPT|RESULT)$/, "").toLowerCase();
  const address = network.address === undefined ? "" : ` ${addressText(network.address)}`;
  if (name.endsWith("_RESULT")) {
    return { what, more: `= ${resultText(network.result)}${address}${network.ioUring ? " by io_uring" : ""}` };
  }
  if (network.ioUring) return { what, more: `by io_uring${address}` };
  const backlog = network.type === NetworkEventType.LISTEN_ATTEMPT ? ` backlog ${network.backlog}` : "";
  return { what, more: `fd ${network.sockfd}${address}${backlog}` };
}

/** `127.0.0.1:80`, `[::1]:80`, or a path as one writes it in a shell. */
export function addressText({ family, address, otherFamily }: NetworkAddress): string {
  switch (address.case) {
    case "ipv4Address":
      return `${ipv4Text(address.value.address?.address ?? 0)}:${address.value.port}`;
    case "ipv6Address": {
      const { high = 0n, low = 0n } = address.value.address ?? {};
      return `[${ipv6Text(high, low)}]:${address.value.port}`;
    }
    case "localAddress":
      return address.value === "" ? "unix (unnamed)" : `unix ${quoted(address.value)}`;
    default:
      return `address of family ${otherFamily || Number(family)}`;
  }
}

/** The number's bytes from the lowest are those of the address. */
function ipv4Text(address: number): string {
  return [0, 8, 16, 24].map((shift) => (address >>> shift) & 0xff).join(".");
}

function ipv6Text(high: bigint, low: bigint): string {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, high, true);
  bytes.setBigUint64(8, low, true);
  const groups = Array.from({ length: 8 }, (_, index) => bytes.getUint16(index * 2).toString(16));
  // URL writes an address in its canonical form: RFC 5952.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
