import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../redis/client/connection.ts';
import { type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { eventually } from '../../support/eventually.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const KEYS = 20_000;
/** Each key loads slowly, and the server answers commands after every few keys. So loading lasts some seconds. */
const SLOWLY = { 'key-load-delay': '100', 'loading-process-events-interval-bytes': '2048' };
/** A guess of this length is far too long at any moment of this load. */
const WRONG_S = 6;
const dir = withTempDir();

/**
 * Starts a server that loads its data. The server counts whole seconds, and the load begins near the end of one. So
 * soon afterwards it counts a full second for a few keys, and its guess is many times too long.
 */
async function loadingServer(): Promise<{ port: number; loaded: Promise<RedisServer> }> {
  const saved = await startRedis({ dir: dir.path });
  const client = await connectTo(saved.port);
  for (let i = 0; i < KEYS; i += 1_000)
    await client.mset(...Array.from({ length: 1_000 }, (_key, j) => [`k:${i + j}`, 'x'.repeat(200)]).flat());
  await client.save();
  client.disconnect();
  await saved.stop();
  await eventually('the end of a second', () => Date.now() % 1_000 > 700 && Date.now() % 1_000 < 800);
  return { port: saved.port, loaded: startRedis({ dir: dir.path, port: saved.port, config: SLOWLY }) };
}

async function guessOf(probe: Redis): Promise<number> {
  const info = await probe.info('persistence');
  return Number(/loading_eta_seconds:(\S+)/.exec(info)?.[1] ?? 0);
}

test('L8 a store that is loading is open as soon as it has loaded, whatever it guesses about that', async () => {
  const { port, loaded } = await loadingServer();
  onTestFinished(async () => (await loaded).stop());
  const probe = new Redis({ port, protocol: 2, enableReadyCheck: false, retryStrategy: () => 10 });
  onTestFinished(() => probe.disconnect());
  probe.on('error', () => undefined);
  const guess = await eventually('a guess that is far too long', async () => {
    const seconds = await guessOf(probe);
    return seconds >= WRONG_S && seconds;
  });
  const asked = performance.now();
  const store = { name: 'v1', side: 'source', url: `redis://127.0.0.1:${port}`, appUsers: [] } as const;
  const opening = openStore(store, {}, 'test');
  const took = loaded.then(() => performance.now() - asked);
  const redis = await opening;
  onTestFinished(() => redis.disconnect());
  const opened = performance.now() - asked;
  // If the guess was about right, the test proves nothing.
  expect(await took).toBeLessThan((guess * 1_000) / 2 + 1_000);
  expect(opened).toBeLessThan((await took) + 1_000);
});
