import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, test, type TestContext } from 'vitest';
import { type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import type { Side } from '../../../domain/side.ts';
import { claimed } from '../../support/claimed.ts';
import { eventually } from '../../support/eventually.ts';
import { type FaultPlace, makePlace } from '../../support/fault-place.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const SECONDS = 120;
const OLD = Array.from({ length: 2_000 }, (_key, i) => `kept:s:old${i}`);

describe('a server killed -9 that comes back on the same port', () => {
  const dir = withTempDir();

  /** Two servers that keep what they acknowledge, and a place on them. */
  const world = async (name: string, fsync: 'always' | 'everysec', context: TestContext) => {
    const config = { appendonly: 'yes', appendfsync: fsync };
    const start = (side: Side, port?: number) =>
      startRedis({ dir: join(dir.path, `${name}-${side}`), config, ...(port !== undefined && { port }) });
    const servers: Record<Side, RedisServer> = {
      source: await start('source'),
      target: await start('target'),
    };
    const clientOf = (side: Side) => {
      const client = new Redis({ port: servers[side].port, protocol: 2, retryStrategy: () => 20 });
      client.on('error', () => undefined);
      return client;
    };
    const sides = { source: clientOf('source'), target: clientOf('target') };
    context.onTestFinished(async () => {
      for (const side of ['source', 'target'] as const) {
        sides[side].disconnect();
        await servers[side].stop();
      }
    });
    await claimed(sides.source, sides.target);
    await sides.source.mset(...OLD.flatMap((key) => [key, 'old']));
    const ports = { source: servers.source.port, target: servers.target.port };
    const place = makePlace('kept', sides, ports, context);
    const crash = async (side: Side) => {
      servers[side].kill('SIGKILL');
      await servers[side].exited;
      servers[side] = await start(side, ports[side]);
    };
    return { place, sides, crash };
  };

  const drainAfter = async (place: FaultPlace, crash: () => Promise<void>) => {
    const goOn = await place.load.pause('source');
    const answered = place.drain('source', 60_000);
    await Promise.all([crash(), answered]);
    goOn();
  };

  test.concurrent.for([
    ['source', 'always'],
    ['target', 'everysec'],
  ] as const)(
    'the %s with an append-only file (%s), during the copy, while live and during a drain: synced again, nothing lost (L2, L8)',
    { timeout: SECONDS * 1_000 },
    async ([side, fsync], context) => {
      const { place, sides, crash } = await world(side, fsync, context);
      const sync = await place.start({ trap: { step: 'before apply target', signal: 'SIGSTOP' } });
      await sync.trapped('before apply target');
      await crash(side);
      sync.signal('SIGCONT');
      await eventually('the end of the attempt', () => sync.ended.length > 0);
      await sync.kill();
      const next = await place.start();
      await next.live();
      await crash(side);
      await next.live();
      await drainAfter(place, () => crash(side));
      await next.live();
      await place.synced();
      context.expect(new Set(await sides.target.mget(...OLD))).toEqual(new Set(['old']));
    },
  );
});
