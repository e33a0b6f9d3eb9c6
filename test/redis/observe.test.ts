import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, describe, expect, test } from 'vitest';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { concernsOf } from '../../domain/gates/concerns.ts';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { blocks } from '../../domain/gates/judge.ts';
import { writeAuthority } from '../../redis/state/authority.ts';
import { claimAnew } from '../../redis/state/claim.ts';
import { loadScripts } from '../../redis/scripts/runner.ts';
import { withStores } from '../../redis/client/stores.ts';
import type { MigrationActivities, Observation, ObserveInput } from '../../workflows/activities.ts';
import { eventually } from '../support/eventually.ts';
import { STORES_ALLOWED } from '../support/plans/allowances.ts';
import { dataset, planOf, withSyncWorld } from '../support/worlds/sync-world.ts';

const HOLDER = { run: 'run-1', namespace: 'test', cluster: 'temporal-1' } as const;
const HOURS_MS = 4 * 3_600_000;

describe('a look of hours', () => {
  const world = withSyncWorld();
  const plan = planOf([dataset({ name: 'match' })]);
  afterEach(() => world.v2.server.kill('SIGCONT'));

  const claim = () =>
    withStores(plan, world.environment(), 'test', async (stores) => {
      for (const one of stores.all) {
        await claimAnew(one, { migration: plan.migration, ...HOLDER });
        await writeAuthority(await loadScripts(one.redis), { side: 'source', epoch: 1 });
      }
    });
  const observing = (suspected: readonly string[], attempt = 1) => {
    const environment = new MockActivityEnvironment({
      namespace: HOLDER.namespace,
      activityNamespace: HOLDER.namespace,
      attempt,
    });
    let beats = 0;
    environment.on('heartbeat', () => void beats++);
    const { observe }: MigrationActivities = createActivities({
      environment: world.environment(),
      allowance: STORES_ALLOWED,
      record: { fenceRaised: () => undefined },
      cluster: async () => HOLDER.cluster,
    } as unknown as Dependencies);
    const input: ObserveInput = {
      plan,
      run: HOLDER.run,
      goal: 'none',
      joins: 'sync',
      authority: 'source',
      epoch: 1,
      holdMs: 0,
      forMs: HOURS_MS,
      greenForMs: null,
      suspected,
    };
    const seen = environment.run(observe, input) as Promise<Observation>;
    return { seen, beats: () => beats };
  };

  test('fails where a store hangs, and leaves it to the next attempt; after some it is told, and told again when it answers (L7)', async () => {
    await claim();
    world.v2.server.kill('SIGSTOP');
    await expect(observing([]).seen).rejects.toThrow(/timed out|does not answer|store v2/i);
    const { seen, beats } = observing([], 6);
    const { gates, snapshot } = await seen;
    expect(snapshot.unseen).toMatch(/^(store v2|a store does not answer)/);
    for (const gate of gates) {
      expect(blocks(gate), gate.name).toBe(true);
      if (gate.name === 'lag' || gate.name === 'stores') expect(gate.reason).toBe(snapshot.unseen);
    }
    expect(beats()).toBeGreaterThan(2);

    const known = concernsOf(snapshot);
    await expect(observing(known, 7).seen).rejects.toThrow();
    const again = observing(known, 8);
    world.v2.server.kill('SIGCONT');
    const after = await again.seen;
    expect(after.snapshot.unseen).toBeUndefined();
    expect(after.snapshot.authority).toEqual({ side: 'source', epoch: 1 });
  });

  test('that began well ends with the store that dies in it, and no other failure passes for a silent store', async () => {
    await claim();
    const { seen, beats } = observing([], 6);
    await eventually('looks', () => beats() > 2);
    world.v2.server.kill('SIGSTOP');
    expect((await seen).snapshot.unseen).toBeDefined();
    world.v2.server.kill('SIGCONT');
    const lease = keyspaceOf(plan.migration).status('v1');
    await world.v2.client.lpush(lease, 'no status');
    await expect(observing([], 6).seen).rejects.toThrow(/WRONGTYPE/);
    await world.v2.client.del(lease);
  });
});
