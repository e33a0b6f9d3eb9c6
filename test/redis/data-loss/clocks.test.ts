import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { freshSyncs, isUnknown } from '../../../domain/gates/fresh.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { readLinkStatus } from '../../../redis/state/link-status.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { takeSnapshot } from '../../../redis/cutover/snapshot-status.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import { eventually } from '../../support/eventually.ts';
import { startHeldVerifier } from '../../support/worlds/held-verifier.ts';
import { nextToken } from '../../support/worlds/next-token.ts';
import { startSyncProcess, type SyncProcess } from '../../support/processes/start-sync-process.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { wordsOf } from '../../support/house/words.ts';

const HOUR_MS = 3_600_000;
const APP = 'app';
const store = { appUsers: [APP], otherWriters: ['default'] };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', ...store },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', ...store },
  ],
  backup: { directory: makeTempDir(), retentionDays: 30 },
});
const keyspace = keyspaceOf(plan.migration);
const [link] = linksOf(plan);
if (!link) throw new Error('a plan without a link');

const world = withSyncWorld();
const undos: (() => unknown)[] = [];
beforeEach(async () => {
  for (const { client } of [world.v1, world.v2])
    await client.call('ACL', ['SETUSER', APP, 'reset', 'on', '>secret', '~match:*', '+@all', '-@admin']);
  await world.claim();
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const undo of undos.splice(0).reverse()) await undo();
});

async function syncOf(clockOffMs: number): Promise<SyncProcess> {
  const order = { kind: 'run', plan, environment: world.environment() } as const;
  const sync = await startSyncProcess(order, undefined, clockOffMs);
  undos.push(() => sync.kill());
  await sync.live();
  return sync;
}

/** Gives `work` a function that tells what the watch of a phase knows of the sync, always on the same connections. */
const watching = <T>(work: (known: () => Promise<string>) => Promise<T>) =>
  withStores(plan, world.environment(), 'test', (stores) =>
    work(async () => {
      const syncs = freshSyncs(await takeSnapshot(plan, stores), plan);
      return isUnknown(syncs) ? syncs.unknown : 'live';
    }),
  );

const move = (report: (step: string) => void | Promise<void> = () => undefined, given = plan) => {
  const environment = world.environment();
  return switchAuthority({ plan: given, environment, to: 'target', token: nextToken(), report });
};

/** Makes the wall clock of this process jump. The monotonic clock stays as it is. */
function jump(byMs: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
}

const SHIFTS = [
  ['behind', -HOUR_MS],
  ['ahead', HOUR_MS],
] as const;

describe.each(allOrFew(SHIFTS, SHIFTS.slice(0, 1)))('a sync whose machine is an hour %s', (_word, offMs) => {
  test('is live while it lives, and silent when it is dead (L7)', async () => {
    const sync = await syncOf(offMs);
    await watching(async (known) => {
      expect(await known()).toBe('live');
      await sync.kill();
      await eventually('its silence', async () => /has been silent for \d s/.test(await known()), {
        withinMs: 9_000,
      });
    });
    await expect(move()).rejects.toThrow('the sync of v1 is silent');
  });

  test('is no obstacle to a cutover', async () => {
    await world.v1.client.set('match:1', 'v1');
    await syncOf(offMs);
    await comparedBefore(plan, world.v2.client);
    expect(await move()).toMatchObject({ epoch: 2 });
    expect(await world.v2.client.get('match:1')).toBe('v1');
  });

  test('hands over what it has carried since the last clean pass, and no more (L2)', async () => {
    for (let i = 0; i < 30; i++) await world.v1.client.set(`match:before:${i}`, 'v1');
    const sync = await syncOf(offMs);
    const verifier = startHeldVerifier(plan, world);
    undos.push(() => verifier.cancel());
    // The later clean pass began after a status of the sync that is newer than all these writes.
    await eventually(
      'two clean passes',
      () => verifier.statuses.find(({ passes, clean }) => clean && passes > 3),
      {
        withinMs: 20_000,
      },
    );
    verifier.cancel();
    await verifier.done;
    for (let i = 0; i < 20; i++) await world.v1.client.set(`match:after:${i}`, 'v1');
    await eventually('all of it', async () => (await world.v2.client.exists('match:after:19')) === 1);
    const words = wordsOf(sync.status());
    await eventually('the list to be looked through again', () => wordsOf(sync.status()) > words + 2);
    expect((await move()).verified).toBe(20);
  });
});

describe('a word that a store keeps', () => {
  const status = () => readLinkStatus(world.v2.client, keyspace, link);

  test('of a clock that was set back since is not believed, nor when that clock has caught up (L7)', async () => {
    const sync = await syncOf(0);
    await sync.kill();
    const key = keyspace.status('v1');
    const word = JSON.parse((await world.v2.client.get(key)) ?? '') as LinkStatus;
    const [seconds] = await world.v2.client.time();
    // As if the server's clock had been about three seconds ahead when the status was written.
    await world.v2.client.set(key, JSON.stringify({ ...word, saidAtMs: (Number(seconds) + 3) * 1_000 }));
    expect((await status())?.ageMs).toBeNull();
    const seenAt = performance.now();
    await watching(async (known) =>
      expect(await known()).toBe('the sync of v1 cannot be dated: the clock of the target was set back'),
    );
    const ageMs = await eventually('that clock to have caught up', async () => (await status())?.ageMs);
    // By the server's clock alone the status would be a few ms old.
    expect(ageMs).toBeGreaterThan(1_900);
    expect(ageMs).toBeLessThanOrEqual(performance.now() - seenAt + 100);
  });

  test('has no age where the one who left it has told none (L7)', async () => {
    const sync = await syncOf(0);
    await sync.kill();
    const { saidAtMs: _none, ...word } = JSON.parse(
      (await world.v2.client.get(keyspace.status('v1'))) ?? '{}',
    );
    await world.v2.client.set(keyspace.status('v1'), JSON.stringify(word));
    expect((await status())?.ageMs).toBeNull();
  });
});

describe('a wall clock that jumps while writes are fenced', () => {
  test('an hour ahead ends no switch early', async () => {
    await world.v1.client.set('match:1', 'v1');
    await syncOf(0);
    await comparedBefore(plan, world.v2.client);
    const done = await move((step) => {
      if (step === 'fence') jump(HOUR_MS);
    });
    expect(done).toMatchObject({ epoch: 2 });
  });

  test('an hour back prolongs no fence past its budget (L9)', async () => {
    const sync = await syncOf(0);
    await comparedBefore(plan, world.v2.client);
    const budget = { ...plan, gates: { ...plan.gates, fenceBudgetMs: 2_000 } };
    const began = performance.now();
    const tooSlow = move(async (step) => {
      if (step !== 'drain') return;
      await sync.kill();
      jump(-HOUR_MS);
    }, budget);
    await expect(tooSlow).rejects.toThrow('step drain: the sync did not drain in time');
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
