const KIB = 1024;
const MIB = 1024 * KIB;
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
  /** Streams that one HTTP/2 connection may reset in a burst: opening and resetting costs a client less than the service. */
  readonly resetsPerConnection: number;
  /** Subscriptions at a time. Each may hold a queue. */
  readonly subscriptions: number;
  /** Subscriptions of one client, so that one cannot take the places of all. */
  readonly subscriptionsPerClient: number;
  /** Events that may wait for one client: what a burst brings while it is busy, at 200,000 a second for a third of a second. */
  readonly queueEvents: number;
  /** Bytes that may wait for one client: with the number of subscriptions it bounds the memory of all. */
  readonly queueBytes: number;
  /** Events in one response: more cost less per event, but wait longer for each other. */
  readonly responseEvents: number;
  /** Bytes after which a response is full. gRPC clients have windows of 64 KiB, and refuse messages above 4 MiB. */
  readonly responseBytes: number;
  /** Milliseconds that events wait for more at the most, where many come: below what a person or a rule would notice. */
  readonly batchTime: number;
  /** Milliseconds in which a client must take a response: one that takes nothing holds a queue and a place for nothing. */
  readonly progressTime: number;
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
  resetsPerConnection: 100,
  subscriptions: 128,
  subscriptionsPerClient: 32,
  queueEvents: 65_536,
  queueBytes: 8 * MIB,
  responseEvents: 1024,
  responseBytes: 64 * KIB,
  batchTime: 10,
  progressTime: 10 * SECOND,
  requestTime: 10 * SECOND,
  stopTime: 5 * SECOND,
};
