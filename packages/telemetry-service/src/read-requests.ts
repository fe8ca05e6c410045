import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { wellFormed } from "./status.js";

/**
 * Makes what reads requests to Connect: a message that is no protobuf is its client's fault, where Connect takes it for its
 * own.
 *
 * @param onRefused told of requests that are refused before their handler gives its first answer
 */
export function readRequests(onRefused: (code: Code) => void): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request.stream ? { ...request, message: understood(request.message) } : request);
    } catch (error) {
      if (!request.signal.aborted) onRefused(ConnectError.from(error).code);
      throw error;
    }
  };
}

async function* understood<T>(messages: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  try {
    yield* messages;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    if (error.code !== Code.Internal) throw wellFormed(error);
    throw wellFormed(new ConnectError(error.rawMessage, Code.InvalidArgument, undefined, undefined, error));
  }
}
