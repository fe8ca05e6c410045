import type { ConnectRouter } from "@connectrpc/connect";
import { grpcHealth, grpcReflection, grpcReflectionAlpha, TelemetryService } from "@kernscope/telemetry-api";
import { type HealthSource, healthService } from "./health.js";
import { Reflection } from "./reflection.js";

/** Services that are served beside the telemetry service. */
const served = [
  TelemetryService,
  grpcHealth.Health,
  grpcReflection.ServerReflection,
  grpcReflectionAlpha.ServerReflection,
] as const;

/** Adds what gRPC's tools expect of every server: health checks, and reflection by its new and its old name. */
export function addGrpcServices(router: ConnectRouter, health: Omit<HealthSource, "services">): void {
  const services = new Set(["", ...served.map(({ typeName }) => typeName)]);
  router.service(grpcHealth.Health, healthService({ ...health, services }));
  const reflection = new Reflection(served);
  router.service(grpcReflection.ServerReflection, {
    serverReflectionInfo: (requests) => reflection.info(requests),
  });
  router.service(grpcReflectionAlpha.ServerReflection, {
    serverReflectionInfo: (requests) => reflection.info(requests),
  });
}
