import { afterEach, describe, expect, it, vi } from 'vitest';
import { withVerifyWorld } from '../../support/worlds/verify-world.ts';

const HOUR_MS = 3_600_000;

describe('a verifier whose machine’s clock is an hour off', () => {
  const world = withVerifyWorld();
  afterEach(() => vi.restoreAllMocks());

  it.each([HOUR_MS, -HOUR_MS])(
    'does not take a missing session for one that has ended: %s ms (L7)',
    async (offMs) => {
      const now = Date.now.bind(Date);
      await world.v1.client.set('session:1', 'x', 'EX', 1_800);
      vi.spyOn(Date, 'now').mockImplementation(() => now() + offMs);
      const verifier = await world.verify();
      await verifier.reports(
        'the session to be lost',
        ({ sessions, diverged }) => sessions.lost === 1 && diverged === 1,
      );
    },
  );

  it.each([HOUR_MS, -HOUR_MS])('takes one that is about to end for just that: %s ms', async (offMs) => {
    const now = Date.now.bind(Date);
    await world.v1.client.set('session:1', 'x', 'PX', 500);
    await world.v1.client.set('match:1', 'a');
    await world.v2.client.set('match:1', 'a');
    vi.spyOn(Date, 'now').mockImplementation(() => now() + offMs);
    const verifier = await world.verify();
    expect(await verifier.nextPass()).toMatchObject({ diverged: 0, pending: 0, equal: 1 });
  });
});
