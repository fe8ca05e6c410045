const KIB = 1024;
const SECOND = 1000;

/** Bounds of what clients can make the service hold. Each is there for a reason that stands beside it. */
export interface ServiceLimits {
  /** Bytes of a request, unpacked. A subscription has hundreds; without a bound five bytes can claim 4 GiB. */
  readonly requestBytes: number;
  /** Filters of a subscription: each can become a status, so that a small request would make a big answer. */
  readonly filters: number;
  /** Connections at a time. Each is a file descriptor, of which a process has 1,024 by default. */
  readonly connections: number;
  /** Streams at a time on one HTTP/2 connection. A client needs one or a few. */
  readonly streamsPerConnection: number;
  /** Subscriptions at a time. Each may hold a queue of the sensor's limits, 32 MiB by default. */
  readonly subscriptions: number;
  /** Events in one response: more cost less per event, but wait longer for each other. */
  readonly responseEvents: number;
  /** Bytes of the events in one response, unless a single event has more. gRPC clients refuse messages above 4 MiB. */
  readonly responseBytes: number;
  /** Milliseconds until a connection must have sent what it wants: an idle one must not hold a place for ever. */
  readonly requestTime: number;
  /** Milliseconds for which streams may go on after {@link TelemetryService.stop}: a stalled client must not hold it up. */
  readonly stopTime: number;
}

export const defaultLimits: ServiceLimits = {
  requestBytes: 64 * KIB,
  filters: 256,
  connections: 256,
  streamsPerConnection: 32,
  subscriptions: 128,
  responseEvents: 1024,
  responseBytes: 256 * KIB,
  requestTime: 10 * SECOND,
  stopTime: 5 * SECOND,
};
