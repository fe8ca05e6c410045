import { Code, ConnectError } from "@connectrpc/connect";
import { SensorError, type SensorErrorCode } from "@kernscope/sensor";

/** The status that a client gets for each of the sensor's errors. */
const codes: Readonly<Record<SensorErrorCode, Code>> = {
  invalid: Code.InvalidArgument,
  unimplemented: Code.Unimplemented,
  permission: Code.FailedPrecondition,
  unsupported: Code.FailedPrecondition,
  closed: Code.Unavailable,
  system: Code.Internal,
};

/**
 * Returns the status that tells a client of an error; its numbers are those of gRPC and google.rpc.Code.
 *
 * @param onFault told of errors that no client is to blame for; of those that are not the sensor's the client does not get
 *   the message
 */
export function toStatus(error: unknown, onFault: (error: unknown) => void): ConnectError {
  if (error instanceof ConnectError) return error;
  const code = error instanceof SensorError ? codes[error.code] : undefined;
  if (code === undefined || code === Code.Internal) onFault(error);
  if (code === undefined) return new ConnectError("the service failed", Code.Internal);
  return new ConnectError((error as SensorError).message, code, undefined, undefined, error);
}

/** An error whose message is as UTF-8 has it: half a surrogate pair that came with a request fits in no header. */
export function wellFormed(error: ConnectError): ConnectError {
  const message = Buffer.from(error.rawMessage).toString();
  if (message === error.rawMessage) return error;
  return new ConnectError(message, error.code, error.metadata, undefined, error);
}
