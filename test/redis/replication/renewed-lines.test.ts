import { afterEach, describe, expect, test } from 'vitest';
import { linksOf } from '../../../domain/plan/plan.ts';
import { wholeOf } from '../../../domain/keys/shard.ts';
import {
  bytesOf,
  type Connections,
  openConnections,
  TIMEOUTS,
} from '../../../redis/replication/store/connections.ts';
import { urlAt } from '../../../domain/plan-file/server-url.ts';
import { eventually } from '../../support/eventually.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const [link] = linksOf(planOf([dataset({ name: 'match' })]));
const BYTES = 1_000_000;

describe('new connections for large keys', () => {
  const world = withSyncWorld();
  const detour = withFaultProxy(() => world.v1.server.port);
  let lines: Connections | undefined;
  afterEach(() => lines?.close());
  const open = async (environment: Record<string, string>) => {
    if (!link) throw new Error('a plan without a link');
    lines = await openConnections(wholeOf(link), environment, TIMEOUTS);
    return lines;
  };

  test('that reach another server than the rest of the lines end the attempt (L1, L15)', async () => {
    const environment = world.environment();
    const opened = await open(environment);
    environment.SOURCE_V1 = environment.TARGET_V2;
    await expect(opened.renewLarge()).rejects.toThrow(
      /^store v1: a new connection reaches another server, or a restarted one$/,
    );
  });

  test('end the old ones at the server, though it does not hear of their end (L1)', async () => {
    const { proxy } = detour;
    const SOURCE_V1 = urlAt(world.v1.server.url(), '127.0.0.1', proxy.port);
    const opened = await open({ ...world.environment(), SOURCE_V1 });
    const old = String(await opened.source.large.client('ID'));
    const held = proxy.hold(/-large$/);
    await opened.renewLarge();
    const now = String(await opened.source.large.client('ID'));
    const there = String(await world.v1.client.client('LIST'));
    expect(there).toMatch(new RegExp(`^id=${now} `, 'm'));
    expect(there).not.toMatch(new RegExp(`^id=${old} `, 'm'));
    held.release();
  });

  test('count what the old ones moved once, at every moment', async () => {
    const opened = await open(world.environment());
    await opened.source.large.set('match:large', Buffer.alloc(BYTES, 'x'));
    let [most, done] = [0, false];
    const renewal = opened.renewLarge().finally(() => {
      done = true;
    });
    await eventually(
      'the renewal',
      () => {
        most = Math.max(most, bytesOf(opened.source).written);
        return done;
      },
      { everyMs: 0 },
    );
    await renewal;
    expect(most).toBeGreaterThan(BYTES);
    expect(most).toBeLessThan(2 * BYTES);
  });
});
