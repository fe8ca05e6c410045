/** What a sensor counted since it was opened, and what it holds now. */
export interface MetricsCounters {
  /** Events made, for whomever. */
  events: number;
  /** Subscriptions that are open. */
  subscriptions: number;
  /** What was opened for them: subscriptions that want the same share it. */
  sources: number;
  /** Entries that wait in the subscriptions' queues. */
  queued: number;
  /** Events that could not be kept for a subscriber, as `SubscriptionCounters.dropped`; each is told in its place. */
  dropped: number;
  /** Kernel records that were lost before they became events; each is told. */
  lost: number;
}
