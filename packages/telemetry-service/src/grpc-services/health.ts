import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { grpcHealth } from "@kernscope/telemetry-api";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = grpcHealth.HealthCheckResponse_ServingStatus;

/** What health checks are told. */
export interface HealthSource {
  /** Full names of the services, and the empty one for all together. */
  readonly services: ReadonlySet<string>;
  readonly isReady: () => boolean;
  /** Fires when the services are no longer ready. */
  readonly stopping: AbortSignal;
}

/** gRPC's health checks. */
export function healthService(source: HealthSource): ServiceImpl<typeof grpcHealth.Health> {
  const now = () => ({ status: source.isReady() ? SERVING : NOT_SERVING });
  return {
    check: ({ service }) => {
      if (source.services.has(service)) return now();
      throw new ConnectError(`${service.slice(0, 200)}: there is no such service`, Code.NotFound);
    },
    async *watch({ service }, { signal }: HandlerContext) {
      const known = source.services.has(service);
      yield known ? now() : { status: SERVICE_UNKNOWN };
      if (source.isReady()) await firstOf(signal, source.stopping);
      if (known && !signal.aborted) yield { status: NOT_SERVING };
    },
  };
}

function firstOf(...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    for (const signal of signals) {
      if (signal.aborted) return done();
      signal.addEventListener("abort", done);
    }
  });
}
