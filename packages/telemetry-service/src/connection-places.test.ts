import { once } from "node:events";
import { Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConnectionPlaces } from "./connection-places.js";

test("a new connection gets the place of the oldest one that was not let in", async () => {
  const places = new ConnectionPlaces(3);
  const [first, second, third, fourth, fifth, sixth] = Array.from({ length: 6 }, () => new Socket()) as Six;
  for (const socket of [first, second, third]) assert.ok(places.take(socket));
  places.letIn(first);
  assert.ok(places.take(fourth));
  assert.equal(destroyed([first, second, third]), [false, true, false]);
  for (const socket of [third, fourth]) places.letIn(socket);
  assert.not(places.take(fifth), "all were let in");
  assert.equal(destroyed([first, third, fourth, fifth]), [false, false, false, true]);
  first.destroy();
  await once(first, "close");
  assert.ok(places.take(sixth));
  for (const socket of [third, fourth, sixth]) socket.destroy();
});

type Six = [Socket, Socket, Socket, Socket, Socket, Socket];

function destroyed(sockets: readonly Socket[]): boolean[] {
  return sockets.map((socket) => socket.destroyed);
}

test.run();
