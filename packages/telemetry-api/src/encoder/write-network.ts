import { TelemetryApiError } from "../errors.js";
import type { Init } from "../event-init.js";
import type { NetworkEvent } from "../gen/capsule8/api/v0/telemetry_event_pb.js";
import type { IPv4AddressAndPort, IPv6AddressAndPort, NetworkAddress } from "../gen/capsule8/api/v0/types_pb.js";
import type { WireWriter } from "./wire-writer.js";

/** Writes the fields of a call on a socket. */
export function writeNetworkEvent(writer: WireWriter, event: Init<NetworkEvent>): void {
  writer.int32(1, event.type);
  writer.uint64(10, event.sockfd);
  if (event.address !== undefined) {
    const start = writer.begin(11, 1);
    writeNetworkAddress(writer, event.address);
    writer.end(start, 1);
  }
  writer.sint64(12, event.result);
  writer.uint64(13, event.backlog);
  writer.bool(1000, event.ioUring);
}

function writeNetworkAddress(writer: WireWriter, { family, address, otherFamily }: Init<NetworkAddress>): void {
  writer.int32(1, family);
  switch (address?.case) {
    case undefined:
      break;
    case "ipv4Address":
      writeIPv4AddressAndPort(writer, address.value);
      break;
    case "ipv6Address":
      writeIPv6AddressAndPort(writer, address.value);
      break;
    case "localAddress":
      writer.stringAlways(30, address.value);
      break;
    default:
      throw new TelemetryApiError(
        "invalid_value",
        "encode(address)",
        `there is no address ${String((address as { case: unknown } | undefined)?.case)}`,
        "see the oneof `address` of NetworkAddress",
      );
  }
  writer.uint32(1000, otherFamily);
}

function writeIPv4AddressAndPort(writer: WireWriter, { address, port }: Init<IPv4AddressAndPort>): void {
  const start = writer.begin(10, 1);
  if (address !== undefined) {
    const inner = writer.begin(1, 1);
    writer.fixed32(1, address.address);
    writer.end(inner, 1);
  }
  writer.uint32(2, port);
  writer.end(start, 1);
}

function writeIPv6AddressAndPort(writer: WireWriter, { address, port }: Init<IPv6AddressAndPort>): void {
  const start = writer.begin(20, 1);
  if (address !== undefined) {
    const inner = writer.begin(1, 1);
    writer.fixed64(1, address.high);
    writer.fixed64(2, address.low);
    writer.end(inner, 1);
  }
  writer.uint32(2, port);
  writer.end(start, 1);
}
