import { limits as expressionLimits } from "@kernscope/expression";
import { TelemetryServiceError } from "./errors.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND = 1000;
/** What a person would wait for at the most; timers count to 25 days, and fire at once for more. */
const DAY = 24 * 3600 * SECOND;

/** Bounds of what clients can make the service hold. Each is there for a reason that stands beside it. */
export interface ServiceLimits {
  /** Bytes of a request, unpacked. A subscription has hundreds; without a bound five bytes can claim 4 GiB. */
  readonly requestBytes: number;
  /** Filters of a subscription: each can become a status, so that a small request would make a big answer. */
  readonly filters: number;
  /**
   * Connections at a time. Each is a file descriptor, of which a process has 1,024 by default. Each address has an equal
   * share, so that whoever takes all of one keeps nobody from the others; and where all are taken, those of clients that
   * were not let in yet are given to whoever comes.
   */
  readonly connections: number;
  /** Streams at a time on one HTTP/2 connection. A client needs one or a few. */
  readonly streamsPerConnection: number;
  /**
   * Streams that one HTTP/2 connection may break off in a burst, beside {@link fixedLimits.resetsPerSecond}: opening and
   * resetting costs a client less than the service.
   */
  readonly resetsPerConnection: number;
  /** Subscriptions at a time. Each may hold a queue. */
  readonly subscriptions: number;
  /**
   * Subscriptions of one client, so that one cannot take the places of all. A client is a certificate, the owner of a token,
   * or, where an address asks for neither, all who connect to it together: who they are is not told, and one can make any
   * number of connections. So there is room for many windows of one person, and others have as much.
   */
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
  /**
   * Milliseconds in which a client must take something of a stream, and all of any other answer: one that takes nothing holds
   * a queue and a place for nothing.
   */
  readonly progressTime: number;
  /**
   * Milliseconds until a connection must have sent what it wants, and for which one of HTTP/2 is kept that has no stream: an
   * idle one must not hold a place for ever.
   */
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
  subscriptionsPerClient: 64,
  queueEvents: 65_536,
  queueBytes: 8 * MIB,
  responseEvents: 1024,
  responseBytes: 64 * KIB,
  batchTime: 10,
  progressTime: 10 * SECOND,
  requestTime: 10 * SECOND,
  stopTime: 5 * SECOND,
};

/** The least and the greatest number that each limit can be; all are whole numbers. */
export const limitRanges: { readonly [K in keyof ServiceLimits]: readonly [least: number, greatest: number] } = {
  requestBytes: [1, 256 * MIB],
  filters: [1, 65_536],
  connections: [1, 65_536],
  streamsPerConnection: [1, 65_536],
  resetsPerConnection: [1, 1_000_000],
  subscriptions: [1, 65_536],
  subscriptionsPerClient: [1, 65_536],
  queueEvents: [1, 16 * MIB],
  queueBytes: [1, 4 * GIB],
  responseEvents: [1, 65_536],
  // Half of what gRPC clients take: the event that fills a response may be longer than what was left.
  responseBytes: [1, 2 * MIB],
  batchTime: [1, 60 * SECOND],
  progressTime: [1, DAY],
  requestTime: [1, DAY],
  stopTime: [1, DAY],
};

/** What is wrong with a number for a limit, with its remedy; undefined where nothing is. */
export function limitFault(name: keyof ServiceLimits, value: number): string | undefined {
  const [least, greatest] = limitRanges[name];
  if (Number.isInteger(value) && value >= least && value <= greatest) return undefined;
  return `${name}=${value} is out of range – give a whole number from ${least} to ${greatest}`;
}

/**
 * The default limits with those that are given.
 *
 * @throws TelemetryServiceError `invalid` with all that are out of range
 */
export function completeLimits(given: Partial<ServiceLimits> = {}): ServiceLimits {
  const limits = { ...defaultLimits, ...given };
  const names = Object.keys(limitRanges) as (keyof ServiceLimits)[];
  const faults = names.flatMap((name) => limitFault(name, limits[name]) ?? []);
  if (faults.length > 0) throw new TelemetryServiceError("invalid", `limits: ${faults.join("; ")}`);
  return limits;
}

/**
 * Bounds that nobody needs to set. Two more are part of how streams work and stand there: `UNDER_WAY` in
 * `streams/write-stream.ts`, bytes that are handed to a connection before its client took them; and `sharedQueue` in
 * `streams/feeds.ts`, what of a subscription that clients share may wait in the sensor.
 */
export const fixedLimits = {
  /**
   * What a condition may cost: nodes, depth, and bytes of its text and patterns. Each event pays for it, and nesting takes
   * stack.
   */
  expression: expressionLimits,
  /** Milliseconds until a client must have exchanged its keys, before which nobody minds its time. */
  handshakeTime: 10 * SECOND,
  /** Streams that an HTTP/2 connection may break off in a second for ever: a person who ends subscriptions needs one. */
  resetsPerSecond: 10,
} as const;
