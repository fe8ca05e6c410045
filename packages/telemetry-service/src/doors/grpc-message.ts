import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ENVELOPE_SIZE, type GetEventsRequest, GetEventsRequestSchema } from "@kernscope/telemetry-api";

const unzip = promisify(gunzip);

/**
 * Reads the one message of a gRPC request.
 *
 * @param encoding the header `grpc-encoding`
 * @param most bytes of the message at the most, unpacked
 * @throws ConnectError
 */
export async function readGrpcMessage(
  body: Buffer,
  encoding: string | undefined,
  most: number,
): Promise<GetEventsRequest> {
  if (body.length < ENVELOPE_SIZE) throw malformed(`its envelope has ${body.length} bytes of ${ENVELOPE_SIZE}`);
  const flags = body.readUInt8(0);
  const size = body.readUInt32BE(1);
  if (size > most) throw tooLong(most);
  if (flags > 1) throw malformed(`there are no flags ${flags}`);
  if (body.length !== ENVELOPE_SIZE + size) {
    throw malformed(`it says it has ${size} bytes, and ${body.length - ENVELOPE_SIZE} came`);
  }
  let message: Uint8Array = body.subarray(ENVELOPE_SIZE);
  if (flags === 1) message = await unpack(message, encoding, most);
  try {
    return fromBinary(GetEventsRequestSchema, message);
  } catch (error) {
    throw malformed((error as Error).message);
  }
}

async function unpack(message: Uint8Array, encoding: string | undefined, most: number): Promise<Uint8Array> {
  if (encoding !== "gzip") {
    throw new ConnectError(`compression ${encoding ?? "without a name"}: not known – use gzip`, Code.Unimplemented);
  }
  try {
    return await unzip(message, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLong(most);
    throw malformed((error as Error).message);
  }
}

function tooLong(most: number): ConnectError {
  return new ConnectError(`the request's message is longer than ${most} bytes`, Code.ResourceExhausted);
}

function malformed(cause: string): ConnectError {
  return new ConnectError(`the request's message is malformed: ${cause}`, Code.InvalidArgument);
}
