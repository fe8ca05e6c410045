import type { Socket } from "node:net";
import { mendAuthority, withoutAcknowledgement } from "./http2-authority.js";
import type { ServiceLimits } from "./limits.js";

/** The part of `requestTime` for which it waits for a request; meanwhile nobody answers the client's pings. */
const PATIENCE = 1 / 10;
/** Bytes that a client can have sent before it was answered: a window of HTTP/2, and as much for frames around it. */
const MOST = 128 * 1024;

/**
 * Waits for the first request of a connection that speaks HTTP/2, and mends its authority: see {@link mendAuthority}. Some
 * clients ask for nothing before they were told the server's settings, so they are told some; what tells that they have
 * come is taken out, since whoever is handed the connection has sent none.
 *
 * @param bytes what came so far
 * @param onReady called with what came, when the request is there, or does not come soon
 */
export function awaitFirstRequest(
  socket: Socket,
  bytes: Buffer,
  { requestTime, streamsPerConnection }: Pick<ServiceLimits, "requestTime" | "streamsPerConnection">,
  onReady: (bytes: Buffer) => void,
): void {
  if (mendAuthority(bytes)) {
    onReady(bytes);
    return;
  }
  let came = bytes;
  let acknowledged = false;
  let timer: NodeJS.Timeout | undefined;
  const done = () => {
    clearTimeout(timer);
    socket.off("data", onData).off("close", onClose);
    onReady(came);
  };
  const onClose = () => clearTimeout(timer);
  const onData = (chunk: Buffer) => {
    came = Buffer.concat([came, chunk]);
    if (!acknowledged) {
      const rest = withoutAcknowledgement(came);
      if (rest !== undefined) {
        came = rest;
        acknowledged = true;
        timer = setTimeout(done, requestTime * PATIENCE);
      }
    }
    if (mendAuthority(came) && acknowledged) done();
    else if (came.length > MOST) socket.destroy();
  };
  socket.on("data", onData).on("close", onClose);
  socket.write(settings(streamsPerConnection));
}

/** A frame of SETTINGS with SETTINGS_MAX_CONCURRENT_STREAMS, without which a client would take it for unbounded. */
function settings(maxConcurrentStreams: number): Buffer {
  const frame = Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
  frame.writeUInt32BE(maxConcurrentStreams, 11);
  return frame;
}
