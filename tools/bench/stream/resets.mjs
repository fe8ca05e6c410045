// Opens streams and resets them at once, so many a second, until its parent disconnects. Says how many it made.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { grpcHeaders, grpcRequest } from "../../../packages/telemetry-service/dist/testing/grpc-request.js";

const [path, rate] = process.argv.slice(2);
const body = grpcRequest({ eventFilter: { processEvents: [{ type: 2 }] } });
/** RST_STREAM's error code: the stream is not wanted any more. */
const CANCEL = 8;
const started = performance.now();
let session = open();
let made = 0;

function open() {
  return connectHttp2("http://localhost", { createConnection: () => connect(path) }).on("error", () => {});
}

function tick() {
  const due = ((performance.now() - started) / 1000) * Number(rate);
  for (let burst = 0; burst < 100 && made < due; burst++, made++) {
    if (session.closed || session.destroyed) session = open();
    const stream = session.request(grpcHeaders).on("error", () => {});
    if (made % 2 === 0) stream.end(body);
    stream.close(CANCEL);
  }
  if (made < due) setImmediate(tick);
  else setTimeout(tick, 1);
}

tick();
process.on("message", () => process.send?.({ made }));
process.on("disconnect", () => process.exit());
