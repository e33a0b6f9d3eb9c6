import { rmSync } from 'node:fs';
import { Redis, type RedisOptions as ClientOptions } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisOptions, type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { makeTempDir } from '../temp-dir.ts';

export interface TestRedis {
  readonly server: RedisServer;
  /** Connected as the default user, database 0. */
  readonly client: Redis;
  /** Opens another connection. It is closed after the tests of the file. */
  connect(options?: ClientOptions): Promise<Redis>;
}

/**
 * Starts a real server for one test file, in a folder and on a port of its own, and stops it after the tests. Call it
 * at the top of the file or of a `describe`. Read `server` and `client` inside the tests.
 */
export function withRedis(options: Omit<RedisOptions, 'dir'> = {}): TestRedis {
  let running: { server: RedisServer; client: Redis } | undefined;
  const opened: Redis[] = [];
  const now = () => {
    if (running === undefined) throw new Error('the server runs only while tests run');
    return running;
  };
  const connect = async (server: RedisServer, clientOptions: ClientOptions = {}) => {
    const client = await connectTo(server.port, clientOptions);
    opened.push(client);
    return client;
  };
  beforeAll(async () => {
    const server = await startRedis({ ...options, dir: makeTempDir() });
    running = { server, client: await connect(server) };
  });
  afterAll(async () => {
    for (const client of opened) client.disconnect();
    await running?.server.stop();
    if (running !== undefined) rmSync(running.server.dir, { recursive: true, force: true });
  });
  return {
    get server() {
      return now().server;
    },
    get client() {
      return now().client;
    },
    connect: (clientOptions) => connect(now().server, clientOptions),
  };
}

/**
 * Connects by RESP2, because ioredis 6 drops the pushes of RESP3. It does not reconnect, because a test wants to see a
 * lost connection.
 */
export async function connectTo(port: number, options: ClientOptions = {}): Promise<Redis> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: () => null,
    ...options,
  });
  // Without a listener ioredis prints each lost connection. The failed command reports it anyway.
  client.on('error', () => {});
  await client.connect();
  return client;
}
