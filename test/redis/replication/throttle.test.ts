import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { LEAST_SHARE, RELEASED } from '../../../domain/gates/brake.ts';
import { holdWork, readControl, writeControl } from '../../../redis/state/control.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const world = withSyncWorld();
const keyspace = keyspaceOf('test');
const NONE = {
  copyKeysPerSecond: 0,
  copyBytesPerSecond: 0,
  verifyKeysPerSecond: 0,
  verifyBytesPerSecond: 0,
  batchMs: 2,
};

const planWith = (throttle: Partial<Plan['throttle']>): Plan =>
  planOf([dataset({ name: 'match' })], { throttle: { ...NONE, ...throttle } });

async function fill(keys: number, bytes = 10): Promise<void> {
  // Random bytes, because a DUMP is compressed.
  const value = randomBytes(bytes);
  for (let from = 0; from < keys; from += 1_000) {
    const pairs = Array.from({ length: Math.min(1_000, keys - from) }, (_, i) => [
      `match:${from + i}`,
      value,
    ]);
    await world.v1.client.mset(...pairs.flat());
  }
}

/** How many scripts that may write the server was asked to run. */
async function callsOn(redis: Redis): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

const tell = (change: Parameters<typeof writeControl>[3]) =>
  writeControl(world.v2.client, keyspace, 'v1', change);

describe('L14 the copy is bounded', () => {
  it('keeps to its keys per second and says so; configure changes them while it runs, without a new attempt', async () => {
    await fill(5_000);
    const began = performance.now();
    const sync = await world.start(planWith({ copyKeysPerSecond: 1_000 }));
    await eventually(
      'it says why it is slow',
      () => sync.status()?.throttled === 'copy: at its keys per second',
    );
    const seconds = (performance.now() - began) / 1_000;
    // A scan step of 256 keys and a burst may be ahead of the bound.
    expect(sync.status()?.copied).toBeLessThanOrEqual(1_000 * seconds + 600);
    expect(sync.status()?.throttle).toMatchObject({ copyKeysPerSecond: 1_000, share: 1 });
    const { token } = sync.status() ?? {};

    await tell({ throttle: NONE });
    await sync.live();
    expect(sync.status()).toMatchObject({ copied: 5_000, token });
    expect(sync.status()?.throttle).toMatchObject({ copyKeysPerSecond: 0 });
    expect(sync.status()?.throttled).toBeNull();
  });

  it('keeps to its bytes per second, whatever the number of keys', async () => {
    await fill(200, 10_000);
    const sync = await world.start(planWith({ copyBytesPerSecond: 1_000_000 }));
    await eventually(
      'it says why it is slow',
      () => sync.status()?.throttled === 'copy: at its bytes per second',
    );
    await tell({ throttle: NONE });
    await sync.live();
    expect(await world.v2.client.dbsize()).toBeGreaterThan(200);
  });

  it('a new attempt keeps to what configure has said: it stands in the store, not in a process (L8)', async () => {
    await fill(100);
    const first = await world.start(planWith({}));
    await first.live();
    await tell({ throttle: { ...NONE, copyKeysPerSecond: 777 } });
    await eventually('it is taken', () => first.status()?.throttle?.copyKeysPerSecond === 777);
    await first.stop();
    const second = await world.start(planWith({}));
    await second.live();
    expect(second.status()?.throttle?.copyKeysPerSecond).toBe(777);
  });

  it('a measured impact slows it, pauses it and gives it back; changes go on meanwhile', async () => {
    await fill(3_000);
    await tell({ brake: { share: 0, proven: 0, reason: 'the apps answer 9.0 % slower, the limit is 5 %' } });
    const sync = await world.start(planWith({}));
    await eventually('it is paused', () => (sync.status()?.throttled ?? '').includes('paused: the apps'));
    const { copied } = sync.status() ?? {};
    await world.v1.client.set('match:new', 'written while the copy rests');
    await eventually(
      'the change is carried',
      async () => (await world.v2.client.get('match:new')) === 'written while the copy rests',
    );
    expect(sync.status()?.copied).toBe(copied);

    await tell({ brake: { share: LEAST_SHARE, proven: 0, reason: 'comes back after a pause' } });
    await eventually('it is slow', () => (sync.status()?.throttled ?? '').includes('slowed to 2 %'));
    expect(sync.status()?.throttle).toMatchObject({ share: LEAST_SHARE, copyKeysPerSecond: 1_562 });
    await tell({ brake: RELEASED });
    await sync.live();
    expect(sync.status()).toMatchObject({ copied: 3_001, throttled: null });
  });

  it('batches become smaller where a key costs more server time than batchMs allows, and everything still travels', async () => {
    await fill(2_000);
    const sync = await world.start(planWith({ batchMs: 0.1, copyKeysPerSecond: 500 }));
    await eventually('the batches are small', () => (sync.status()?.throttle?.batchKeys ?? 64) < 20);
    await tell({ throttle: { ...NONE, batchMs: 2 } });
    await sync.live();
    expect(sync.status()?.copied).toBe(2_000);
    expect(sync.status()?.quarantined).toBe(0);
  });

  it('a call writes no more than 256 KiB of values, and deletes no more than 512 KiB', async () => {
    const keys = 100;
    await fill(keys, 100_000);
    const before = await callsOn(world.v2.client);
    const sync = await world.start(planWith({}));
    await sync.live();
    expect(await world.v2.client.dbsize()).toBeGreaterThanOrEqual(keys);
    const copied = await callsOn(world.v2.client);
    expect(copied - before).toBeGreaterThanOrEqual(keys / 2);
    await world.v1.client.unlink(...Array.from({ length: keys }, (_, i) => `match:${i}`));
    // This looks at the keys themselves. A status may be a second old and not know of the deletes yet.
    await eventually('the deletes', async () => (await world.v2.client.keys('match:*')).length === 0);
    expect((await callsOn(world.v2.client)) - copied).toBeGreaterThanOrEqual(keys / 5);
  });

  it('a hold that nobody ends ends by itself (L8)', async () => {
    await holdWork(world.v2.client, keyspace, true);
    expect((await readControl(world.v2.client, keyspace, 'v1')).held).toBe(true);
    expect(await world.v2.client.pttl(keyspace.hold())).toBeGreaterThan(0);
    await fill(100);
    const sync = await world.start(planWith({}));
    await sync.live();
    expect(await world.v2.client.exists(keyspace.hold())).toBe(0);
  });
});
