import { afterEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { eventually } from '../../support/eventually.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);
const patience = { connectMs: 5_000, replyMs: 1_000, silenceMs: 5_000 };
const BYTES = 400_000;

describe('what a silent line had sent of a large value, and arrives after another has taken its place', () => {
  const world = withSyncWorld();
  const lines = {
    v1: withFaultProxy(() => world.v1.server.port),
    v2: withFaultProxy(() => world.v2.server.port),
  };
  afterEach(() => {
    for (const { proxy } of Object.values(lines)) proxy.set({ kind: 'none' });
  });
  const linesAt = async (side: 'v1' | 'v2') =>
    String(await world[side].client.client('LIST'))
      .split('\n')
      .filter((line) => /name=jday:sync-\S*-large /.test(line)).length;

  test.each([
    ['v1', 'v2', 'target'],
    ['v2', 'v1', 'source'],
  ] as const)(
    'a change of %s whose last step to %s is late: the value stays on both sides (L1, L2)',
    async (from, to, side) => {
      await world.v1.client.set('match:large', Buffer.alloc(BYTES, 'x'));
      let [changed, tries] = [false, 0];
      let held: { release(): void } | undefined;
      const seen = { linesBefore: 0, keyAfter: -1 };
      const reached = async (step: FaultPoint) => {
        if (!changed || step !== `before apply ${side}`) return;
        tries++;
        if (tries === 1) held = lines[to].proxy.hold(/-large$/);
        if (tries !== 2) return;
        seen.linesBefore = await linesAt(to);
        held?.release();
        await eventually('the old line to end', async () => (await linesAt(to)) === 1);
        seen.keyAfter = await world[to].client.exists('match:large');
      };
      const ports = { [to]: lines[to].proxy.port };
      const sync = await world.start(plan, reached, { patience, ports });
      await sync.live();
      const length = (of: 'v1' | 'v2') => world[of].client.strlen('match:large');
      await eventually('the first copy', async () => (await length('v2')) === BYTES);
      const token = sync.status()?.token;
      changed = true;
      await world[from].client.append('match:large', 'y');
      await eventually('the second try', () => seen.keyAfter !== -1);
      // The server has ended the old connection before the second try. So no late command can come from it.
      expect(seen).toEqual({ linesBefore: 1, keyAfter: 1 });
      await eventually('the change', async () => (await length(to)) === BYTES + 1);
      expect(await length(from)).toBe(BYTES + 1);
      expect(sync.status()).toMatchObject({ token, conflicts: 0, quarantined: 0 });
      expect(await world[to].client.keys(`${keyspaceOf('test').prefix}shadow:*`)).toEqual([]);
      await sync.stop();
    },
  );
});
