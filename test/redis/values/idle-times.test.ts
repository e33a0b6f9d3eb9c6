import { describe, expect, it } from 'vitest';
import { findTool } from '../../../servers/tools.ts';
import { withoutTouch, openStore } from '../../../redis/client/connection.ts';
import { readTyped } from '../../../redis/verify/typed-read.ts';
import { eventually } from '../../support/eventually.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const binary = findTool('valkey-server');
const world = withSyncWorld({ v1: { binary }, v2: { binary } });
const older = withRedis();
const COLD_SECONDS = 5_000;

/** Restores a key with an idle time, as if no app had read it for a long time. */
async function coldKey(key: string): Promise<void> {
  const { client } = world.v1;
  await client.set('seed', 'value');
  const dump = (await client.dumpBuffer('seed')) as Buffer;
  await client.del('seed');
  await client.call('RESTORE', key, 0, dump, 'IDLETIME', COLD_SECONDS);
}

const idleSeconds = async (key: string) => Number(await world.v1.client.object('IDLETIME', key));

describe('L14 our reading leaves idle times alone', () => {
  it('the sync copies cold keys, and they stay cold', async () => {
    await coldKey('match:cold');
    await coldKey('match:read');
    expect(await idleSeconds('match:cold')).toBeGreaterThanOrEqual(COLD_SECONDS);
    const sync = await world.start(planOf([dataset({ name: 'match' })]));
    await sync.live();
    await eventually('both are there', async () => (await world.v2.client.get('match:cold')) === 'value');
    expect(await idleSeconds('match:cold')).toBeGreaterThanOrEqual(COLD_SECONDS);
    // A read by an app resets the idle time, so the check above could fail.
    await world.v1.client.get('match:read');
    expect(await idleSeconds('match:read')).toBeLessThan(COLD_SECONDS);
  });

  it('every connection of ours to a store reads so: the verifier’s too', async () => {
    await coldKey('match:verified');
    const store = { name: 'v1', side: 'source', url: world.v1.server.url(), appUsers: [] } as const;
    const redis = await openStore(store, {}, 'test');
    expect(await readTyped(redis, ['match:verified'])).toMatchObject([{ type: 'string' }]);
    redis.disconnect();
    expect(await idleSeconds('match:verified')).toBeGreaterThanOrEqual(COLD_SECONDS);
  });

  it('an older server, or a user without the right, is told apart from one that is gone', async () => {
    expect(await withoutTouch(older.client)).toBe('unknown');
    await world.v1.client.call('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~*', '+@all', '-client|no-touch');
    const narrow = await world.v1.connect({ username: 'narrow', password: 'pw' });
    expect(await withoutTouch(narrow)).toBe('forbidden');
    expect(await withoutTouch(world.v1.client)).toBe('done');
    narrow.disconnect();
    await expect(withoutTouch(narrow)).rejects.toThrow();
  });
});
