import { expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { wordsOf } from '../../support/house/words.ts';

const { v1, v2, claim, environment, start } = withSyncWorld();
const plan = planOf([dataset({ name: 'match' })]);

/** Runs `before` once, right before the next write on the source. */
async function withSync(
  before: () => Promise<unknown>,
  during: (last: () => LinkStatus | undefined) => Promise<void>,
) {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  await claim();
  const stop = new AbortController();
  const statuses: LinkStatus[] = [];
  let armed = true;
  const reached = async (step: string) => {
    if (step !== 'before apply source' || !armed) return;
    armed = false;
    await before();
  };
  const report = (status: LinkStatus) => void statuses.push(status);
  const done = runSync({ plan, link, environment: environment(), report, reached }, stop.signal);
  try {
    await eventually('the sync to be live', () => statuses.at(-1)?.state === 'live');
    await during(() => statuses.at(-1));
  } finally {
    stop.abort();
    await done;
  }
}

test('L2: a key that V2 deletes and creates again while the delete is on its way is no conflict', async () => {
  await v1.client.set('match:k', 'from V1');
  const create = () => v2.client.set('match:k', 'created again');
  await withSync(create, async (last) => {
    await sameString(v1.client, v2.client, 'match:k', 'from V1');
    await v2.client.del('match:k');
    await sameString(v1.client, v2.client, 'match:k', 'created again');
    const words = wordsOf(last());
    await eventually('a later report', () => wordsOf(last()) > words);
    expect(last()?.conflicts).toBe(0);
  });
});

test('a deleted key leaves no ledger entry on either side', async () => {
  await v1.client.set('match:k', 'from V1');
  await withSync(
    () => Promise.resolve(),
    async () => {
      await sameString(v1.client, v2.client, 'match:k', 'from V1');
      await v2.client.del('match:k');
      await sameString(v1.client, v2.client, 'match:k', null);
      const { prefix } = keyspaceOf('test');
      for (const { client } of [v1, v2])
        await eventually(
          'an empty ledger',
          async () => (await client.keys(`${prefix}ledger:*`)).length === 0,
        );
    },
  );
});

test('L2: a key that both sides deleted while no sync ran is forgotten: created again on V2 it is no conflict', async () => {
  const keys = ['match:a', 'match:b', 'match:c'];
  await v1.client.mset(...keys.flatMap((key) => [key, 'old']));
  const nothing = () => Promise.resolve();
  await withSync(nothing, async () => sameString(v1.client, v2.client, 'match:c', 'old'));
  await v1.client.del(...keys);
  await v2.client.del(...keys);
  await withSync(nothing, async (last) => {
    const entries = () => v2.client.keys(keyspaceOf(plan.migration).ledger('v1', '*'));
    await eventually('the ledger to be empty', async () => (await entries()).length === 0);
    await v2.client.mset(...keys.flatMap((key) => [key, 'new']));
    for (const key of keys) await sameString(v1.client, v2.client, key, 'new');
    expect(last()?.conflicts).toBe(0);
  });
});

test('L2: what both sides deleted while no sync ran is forgotten at once, long before a slow scan has ended', async () => {
  await v1.client.set('match:k', 'old');
  const first = await start(plan);
  await sameString(v1.client, v2.client, 'match:k', 'old');
  await first.stop();
  await v1.client.del('match:k');
  await v2.client.del('match:k');
  let endScan = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    endScan = resolve;
  });
  const second = await start(plan, (step) => (step === 'scan target' ? held : undefined));
  const entries = () => v2.client.keys(keyspaceOf(plan.migration).ledger('v1', '*'));
  await eventually('the ledger to be empty', async () => (await entries()).length === 0);
  await v2.client.set('match:k', 'new');
  await sameString(v1.client, v2.client, 'match:k', 'new');
  endScan();
  await second.live();
  expect(second.status()?.conflicts).toBe(0);
});
