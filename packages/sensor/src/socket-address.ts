import type { FieldContent } from "./field-table.js";
import type { KernelTypes } from "./kernel-types.js";
import { AddressFamily, type NetworkAddress, type NetworkPayload } from "./payload.js";

/** Numbers of socket(7)'s families. */
const Family = { UNIX: 1, INET: 2, INET6: 10 } as const;
/** Bytes of a `sockaddr_un` before its path, and of the path. */
const UNIX_HEADER = 2;

/** What kernel probes fetch of a `struct sockaddr`, {@link sockaddrArguments}. */
export interface SockaddrFields {
  readonly sa_family: number;
  /** In network byte order, read as a little-endian number; the addresses likewise. */
  readonly port: number;
  readonly ipv4: number;
  readonly high: number | bigint;
  readonly low: number | bigint;
  readonly path: Uint8Array;
  readonly path_end: Uint8Array;
  /** Bytes that the program gave. */
  readonly length: number;
}

/**
 * Fetch expressions for a `struct sockaddr` in the kernel's memory.
 *
 * @param address fetch expression of its address
 * @param length fetch expression of its size
 */
export function sockaddrArguments(address: string, length: string): Record<string, string> {
  return {
    sa_family: `+0(${address}):u16`,
    port: `+2(${address}):u16`,
    ipv4: `+4(${address}):u32`,
    high: `+8(${address}):u64`,
    low: `+16(${address}):u64`,
    // The kernel's arrays have up to 64 elements.
    path: `+2(${address}):u8[64]`,
    path_end: `+66(${address}):u8[44]`,
    length: `${length}:s32`,
  };
}

/** The address that a kernel probe found, of other families and too short ones the family alone; `undefined`: none. */
export function addressOf(fields: SockaddrFields): NetworkAddress | undefined {
  const { length, sa_family: family } = fields;
  if (length < UNIX_HEADER) return undefined;
  switch (family) {
    case Family.INET:
      return length < 8 ? otherAddress(family) : ipv4Address(fields.ipv4, swap(fields.port));
    case Family.INET6:
      return length < 24 ? otherAddress(family) : ipv6Address(fields.high, fields.low, swap(fields.port));
    case Family.UNIX:
      return unixAddress(fields, length);
    default:
      return otherAddress(family);
  }
}

/** What the tracepoint `sock/inet_sock_set_state` tells of a connection. */
export interface SocketState {
  readonly family: number;
  readonly dport: number;
  readonly daddr: Uint8Array;
  readonly daddr_v6: Uint8Array;
}

/** The other end of a TCP connection. */
export function peerOf({ family, dport, daddr, daddr_v6 }: SocketState): NetworkAddress | undefined {
  if (family === Family.INET) return ipv4Address(view(daddr).getUint32(0, true), dport);
  if (family !== Family.INET6) return undefined;
  const bytes = view(daddr_v6);
  return ipv6Address(bytes.getBigUint64(0, true), bytes.getBigUint64(8, true), dport);
}

/** What kernel probes fetch of the other end of a `struct sock`, {@link peerArguments}. */
export interface PeerFields {
  readonly family: number;
  /** In network byte order, read as a little-endian number; the addresses likewise. */
  readonly port: number;
  readonly ipv4: number;
  readonly high: number | bigint;
  readonly low: number | bigint;
  /** Of an AF_UNIX socket: address of its peer, and of the peer's name; 0: there is none, and what follows says nothing. */
  readonly peer: number | bigint;
  readonly name: number | bigint;
  /** Bytes of the name's `sockaddr_un`. */
  readonly length: number;
  readonly path: Uint8Array;
  readonly path_end: Uint8Array;
}

/**
 * Fetch expressions for the other end of a connection.
 *
 * @param sock fetch expression of the `struct sock`'s address
 * @throws PerfError `not_found`
 */
export function peerArguments(types: KernelTypes, sock: string): Record<string, string> {
  const common = (member: string, more = 0) => `+${types.offset("sock_common", member) + more}(${sock})`;
  // What cannot be fetched is not 0 but what the kernel's buffer held before: each pointer has to be looked at.
  const peer = `+${types.offset("unix_sock", "peer")}(${sock})`;
  const unix = `+${types.offset("unix_sock", "addr")}(${peer})`;
  const name = types.offset("unix_address", "name") + UNIX_HEADER;
  return {
    family: `${common("skc_family")}:u16`,
    port: `${common("skc_dport")}:u16`,
    ipv4: `${common("skc_daddr")}:u32`,
    high: `${common("skc_v6_daddr")}:u64`,
    low: `${common("skc_v6_daddr", 8)}:u64`,
    peer: `${peer}:u64`,
    name: `${unix}:u64`,
    length: `+${types.offset("unix_address", "len")}(${unix}):s32`,
    path: `+${name}(${unix}):u8[64]`,
    path_end: `+${name + 64}(${unix}):u8[44]`,
  };
}

/** The other end of a connection, of other families the family alone; `undefined`: none. */
export function peerOfSocket(fields: PeerFields): NetworkAddress | undefined {
  switch (fields.family) {
    case Family.INET:
      return ipv4Address(fields.ipv4, swap(fields.port));
    case Family.INET6:
      return ipv6Address(fields.high, fields.low, swap(fields.port));
    case Family.UNIX:
      if (Number(fields.peer) === 0) return undefined;
      return unixAddress(fields, Number(fields.name) === 0 ? 0 : fields.length);
    default:
      return otherAddress(fields.family);
  }
}

/** What conditions on addresses see. */
export const addressFields = {
  sa_family: ({ address }: NetworkPayload): FieldContent => families[address?.family ?? 0] ?? address?.otherFamily,
  sin_port: ({ address }: NetworkPayload): FieldContent =>
    address?.address.case === "ipv4Address" ? address.address.value.port : undefined,
  sin_addr: ({ address }: NetworkPayload): FieldContent =>
    address?.address.case === "ipv4Address" ? address.address.value.address.address : undefined,
  sin6_port: ({ address }: NetworkPayload): FieldContent =>
    address?.address.case === "ipv6Address" ? address.address.value.port : undefined,
  sin6_addr_high: ({ address }: NetworkPayload): FieldContent =>
    address?.address.case === "ipv6Address" ? address.address.value.address.high : undefined,
  sin6_addr_low: ({ address }: NetworkPayload): FieldContent =>
    address?.address.case === "ipv6Address" ? address.address.value.address.low : undefined,
  sun_path: ({ address }: NetworkPayload): FieldContent =>
    // Constants hold no NUL: an abstract name is written as ss(8) and others do.
    address?.address.case === "localAddress" ? address.address.value.replace(/^\0/, "@") : undefined,
};

/** Families by the API's numbers. */
const families = [undefined, Family.INET, Family.INET6, Family.UNIX] as const;

function otherAddress(family: number): NetworkAddress {
  return { family: AddressFamily.UNKNOWN, otherFamily: family, address: { case: undefined } };
}

function ipv4Address(address: number, port: number): NetworkAddress {
  return { family: AddressFamily.INET, address: { case: "ipv4Address", value: { address: { address }, port } } };
}

function ipv6Address(high: number | bigint, low: number | bigint, port: number): NetworkAddress {
  return { family: AddressFamily.INET6, address: { case: "ipv6Address", value: { address: { high, low }, port } } };
}

/** @param length of the `sockaddr_un` */
function unixAddress({ path, path_end }: { path: Uint8Array; path_end: Uint8Array }, length: number): NetworkAddress {
  const bytes = Buffer.concat([path, path_end]).subarray(0, Math.max(0, length - UNIX_HEADER));
  return { family: AddressFamily.LOCAL, address: { case: "localAddress", value: localName(bytes) } };
}

/** unix(7): a path ends at its NUL; a name that begins with one is abstract, and all of its bytes count. */
function localName(bytes: Buffer): string {
  if (bytes[0] === 0) return bytes.toString("utf8");
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function swap(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
