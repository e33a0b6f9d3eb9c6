import { describe, expect, test } from 'vitest';
import { linksOf } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { findTool } from '../../../servers/tools.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';

const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['v1-app'], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
  ],
});
const RULE = ['on', '>secret', '~*', '+@all', '-@dangerous'] as const;

describe.each(['redis-server', 'valkey-server'] as const)('on %s', (engine) => {
  const binary = { binary: findTool(engine) };
  const world = withSyncWorld({ v1: binary, v2: binary });

  const move = () => switchNow(plan, world.environment(), 'target');

  test('a switch whose verification has compared nothing does not flip, V1 goes on (L7)', async () => {
    const { v1, v2 } = world;
    await v1.client.call('ACL', ['SETUSER', 'v1-app', 'reset', ...RULE]);
    const app = await connectTo(v1.server.port, { username: 'v1-app', password: 'secret' });
    const rules = await v1.client.call('ACL', ['LIST']);
    const sync = await world.start(plan);
    await sync.live();
    await expect(move()).rejects.toThrow(/step verify: no key of any store was compared/);
    expect(await v1.client.call('ACL', ['LIST'])).toEqual(rules);
    expect(await readAuthority(v2.client)).toEqual({ side: 'source', epoch: 1 });
    await app.set('match:1', 'open');
    await sameString(v1.client, v2.client, 'match:1', 'open');

    // The new attempt has found a key and carried none. So no key that was there before it has been compared.
    await sync.stop();
    const again = await world.start(plan);
    await again.live();
    await eventually('its count', () => again.status()?.total === 1);
    await expect(move()).rejects.toThrow(/step verify: no key of v1 was compared/);
    await app.set('match:1', 'still open');
    await sameString(v1.client, v2.client, 'match:1', 'still open');
    app.disconnect();
  });

  test('a switch while the first copy is not whole does not flip, though an attempt before this one had begun it (L2)', async () => {
    const { v1, v2 } = world;
    await v1.client.call('ACL', ['SETUSER', 'v1-app', 'reset', ...RULE]);
    await v1.client.set('match:1', 'x');
    await v2.client.set(keyspaceOf('test').verify('v1'), JSON.stringify({ pass: { keys: 1 } }));
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const heldAt = (at: FaultPoint) => (step: FaultPoint) => (step === at ? held : undefined);
    const killed = await world.start(plan, heldAt('scan target'));
    await eventually('a status', () => killed.status());
    void killed.stop();
    const sync = await world.start(plan, heldAt('scan source'));
    await eventually('a status', () => sync.status());
    await expect(move()).rejects.toThrow(/too slow|used up|drain/);
    expect(await readAuthority(v2.client)).toEqual({ side: 'source', epoch: 1 });
    goOn();
    await sync.live();
    expect(await v2.client.get('match:1')).toBe('x');
  });

  test('it flips by what a whole pass has seen, where nothing was carried since (L7)', async () => {
    const { v1, v2 } = world;
    await v1.client.call('ACL', ['SETUSER', 'v1-app', 'reset', ...RULE]);
    for (const { client } of [v1, v2]) await client.set('match:1', 'x');
    const sync = await world.start(plan);
    await sync.live();
    // The new attempt finds nothing changed and carries nothing.
    await sync.stop();
    await (await world.start(plan)).live();
    const [link] = linksOf(plan);
    await v2.client.set(keyspaceOf('test').verify(link?.name ?? ''), JSON.stringify({ pass: { keys: 1 } }));
    expect(await move()).toMatchObject({ to: 'target', verified: 0 });
  });
});
