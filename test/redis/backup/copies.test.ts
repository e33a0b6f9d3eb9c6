import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { GONE, readCopies } from '../../../redis/backup/copies.ts';
import { FaultyPipe } from '../../support/faults/faulty-pipe.ts';
import { connectTo, withRedis } from '../../support/servers/redis.ts';

const redis = withRedis();

it('L10: a key that ends between the reads of its value and of its expiry is gone, not different', async () => {
  const key = 'ending:1';
  await redis.client.set(key, 'value', 'PX', 60_000);
  const line = await lineWithStop();
  const reader = await connectTo(line.port);
  onTestFinished(() => reader.disconnect());
  const dump = Buffer.byteLength(`*2\r\n$4\r\nDUMP\r\n$${key.length}\r\n${key}\r\n`);
  const reached = line.stopAfter(dump);
  const copies = readCopies(reader, [Buffer.from(key)]);
  await reached;
  // The server has answered the read of the value. The read of the expiry is held, and the key is deleted before it.
  await line.answered();
  await redis.client.del(key);
  line.goOn();
  expect(await copies).toEqual([{ body: null, expiresAt: GONE }]);
});

/** A line to the server that stops after some bytes of what is sent, and tells when the server has answered. */
async function lineWithStop() {
  let pipe: FaultyPipe | undefined;
  let stopped = () => {};
  let answered = () => {};
  const relay = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: redis.server.port, host: '127.0.0.1', noDelay: true });
    pipe = new FaultyPipe(client, server, () => stopped());
    client.on('data', (bytes) => pipe?.push(bytes));
    server.on('data', (bytes) => {
      client.write(bytes);
      answered();
    });
    for (const socket of [client, server])
      socket
        .on('error', () => socket.destroy())
        .on('close', () => [client, server].map((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void relay.close());
  let hasAnswered = Promise.resolve();
  return {
    port: (relay.address() as AddressInfo).port,
    stopAfter: (bytes: number) => {
      hasAnswered = new Promise((resolve) => (answered = resolve));
      return new Promise<void>((resolve) => {
        stopped = resolve;
        pipe?.set({ kind: 'until', bytes });
      });
    },
    answered: () => hasAnswered,
    goOn: () => pipe?.set({ kind: 'pass' }),
  };
}
