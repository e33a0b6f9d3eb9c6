import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { sameKey } from '../../support/values/same-key.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);
/** A value takes longer than a line may be silent. In production 40 MB at 2.5 MB/s take 16 s, and a line has 10 s. */
const PATIENCE = { connectMs: 5_000, replyMs: 400, silenceMs: 5_000 };
const SLOW = { kind: 'slow', bytesPerSecond: 2_000_000 } as const;
const BYTES = 2_000_000;

describe('a large value on a slow line', () => {
  const world = withSyncWorld();
  const lines = {
    v1: withFaultProxy(() => world.v1.server.port),
    v2: withFaultProxy(() => world.v2.server.port),
  };

  test.each([
    ['v1', 'v2'],
    ['v1', 'v1'],
    ['v2', 'v1'],
    ['v2', 'v2'],
  ] as const)(
    'of %s arrives where the line of %s is slow, and small keys travel meanwhile (L2)',
    async (from, slow) => {
      const to = from === 'v1' ? 'v2' : 'v1';
      const ports = { [slow]: lines[slow].proxy.port };
      const sync = await world.start(plan, undefined, { patience: PATIENCE, ports });
      await sync.live();
      lines[slow].proxy.set(SLOW);
      await world[from].client.set('match:large', Buffer.alloc(BYTES, from));
      // One element that is read and written as a whole.
      await world[from].client.hset('match:one', 'field', Buffer.alloc(BYTES, from));
      let small = 0;
      const arrived = async () => (await world[to].client.strlen('match:large')) === BYTES;
      while (!(await arrived())) {
        const name = `match:small:${small++}`;
        await world[from].client.set(name, 'x');
        await eventually('a small key', async () => (await world[to].client.exists(name)) === 1);
      }
      expect(small).toBeGreaterThan(3);
      await sameKey(world.v1.client, world.v2.client, 'match:one');
      await sameKey(world.v1.client, world.v2.client, 'match:large');
      lines[slow].proxy.set({ kind: 'none' });
      await sync.stop();
    },
  );
});
