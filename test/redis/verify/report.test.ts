import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { VERIFY_STALE_MS } from '../../../domain/gates/fresh.ts';
import { withFaultProxy } from '../../support/faults/fault-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import type { VerifyOptions } from '../../../redis/verify/verifier.ts';
import { dataset } from '../../support/worlds/sync-world.ts';
import { linkOf, withVerifyWorld } from '../../support/worlds/verify-world.ts';

const world = withVerifyWorld();
const line = withFaultProxy(() => world.v1.server.port);
/** The usual pace is a second; a busy machine may be late, but the gates take 15 s for silence. */
const LATEST_MS = VERIFY_STALE_MS / 3;

/** Starts a verifier without a census, which would report at the end of each of its passes too. */
async function verify(change: Partial<VerifyOptions> = {}) {
  const plain = { link: linkOf([dataset({ name: 'match' })]), covers: () => ['match'] };
  const { census: _census, ...options } = await world.optionsOf({ ...plain, ...change });
  return world.run(options);
}

const bytesRead = (socket: unknown) => (socket as Socket | null)?.bytesRead ?? 0;

describe('the status of the verifier', () => {
  it('comes at its usual pace while the verifier pays for the bytes of large values (L7)', async () => {
    for (const { client } of [world.v1, world.v2])
      for (let i = 0; i < 40; i++) await client.set(`match:large:${i}`, Buffer.alloc(40_000, 'x'));
    const [source, target] = [await world.v1.connect(), await world.v2.connect()];
    const read = () => bytesRead(source.stream) + bytesRead(target.stream);
    const bounds = { keysPerSecond: () => 0, bytesPerSecond: () => 1_000, bytesRead: read };
    const verifier = await verify({ source, target, bounds });
    // 16 keys of a batch on both sides, at 1 000 bytes a second: the verifier pays for twenty minutes.
    await eventually('a batch to be read', () => read() > 16 * 2 * 40_000);
    const { length } = verifier.statuses;
    await eventually('four statuses meanwhile', () => verifier.statuses.length >= length + 4, {
      withinMs: 4 * LATEST_MS,
    });
    // They do not claim that a pass has ended.
    expect(verifier.statuses.at(-1)).toMatchObject({ passes: 0, pass: null });
  });

  it('comes at its usual pace while the work is held for an impact window, however long', async () => {
    const bounds = { keysPerSecond: () => 0, held: () => true };
    const verifier = await verify({ bounds });
    await eventually('four statuses', () => verifier.statuses.length >= 4, { withinMs: 4 * LATEST_MS });
  });

  it('comes at its usual pace while a large value is read in pieces, over a line that is slow', async () => {
    for (const { client } of [world.v1, world.v2])
      await client.rpush('match:large', ...Array.from({ length: 40 }, () => Buffer.alloc(200_000, 'x')));
    line.proxy.set({ kind: 'slow', bytesPerSecond: 1_000_000 });
    const source = await world.v1.connect({ port: line.proxy.port });
    const verifier = await verify({ source });
    const times = [performance.now()];
    // 8 MB at 1 MB a second.
    await eventually(
      'a whole pass',
      () => {
        if (verifier.statuses.length >= times.length) times.push(performance.now());
        return verifier.statuses.at(-1)?.pass;
      },
      { withinMs: 60_000 },
    );
    const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
    expect(gaps.length).toBeGreaterThan(4);
    expect(Math.max(...gaps)).toBeLessThan(LATEST_MS);
    line.proxy.set({ kind: 'none' });
  });

  it('is not given while a store does not answer, and comes again when it does (L7)', async () => {
    await world.v1.client.set('match:1', 'x');
    await world.v2.client.set('match:1', 'x');
    const verifier = await verify();
    await verifier.reports('a pass', ({ passes }) => passes > 0);
    await world.v1.client.client('PAUSE', 9_000, 'ALL');
    let [told, since] = [verifier.statuses.length, performance.now()];
    await eventually(
      'four seconds without a status',
      () => {
        if (verifier.statuses.length > told) since = performance.now();
        told = verifier.statuses.length;
        return performance.now() - since > 4_000;
      },
      { withinMs: 9_000 },
    );
    await eventually('a status', () => verifier.statuses.length > told, { withinMs: 15_000 });
  });
});
