import { afterEach, describe, expect, it } from 'vitest';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { VerifyStatus } from '../../../domain/gates/status.ts';
import { integrityOf } from '../../../domain/gates/integrity.ts';
import { eventually } from '../../support/eventually.ts';
import { startHeldVerifier } from '../../support/worlds/held-verifier.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { withVerifyWorld } from '../../support/worlds/verify-world.ts';

describe('a pass of the verifier', () => {
  const world = withVerifyWorld();

  it('does not begin before it is known what takes part, and nothing counts until one has ended (L7)', async () => {
    for (let i = 0; i < 40; i++) await equal(`match:${i}`);
    let covers: readonly string[] | null = null;
    const verifier = await world.verify({ covers: () => covers });
    await eventually('some words', () => verifier.statuses.length >= 2);
    expect(verifier.statuses.at(-1)).toMatchObject({ passes: 0, pass: null, settled: 0 });
    expect(integrityOf([verifier.statuses.at(-1) as VerifyStatus], 'source')).toBeNull();
    covers = ['match'];
    const first = await verifier.reports('a whole pass', ({ pass }) => pass !== null);
    expect(first.passes).toBeGreaterThan(0);
    expect(first).toMatchObject({ settled: 40, pass: { keys: 40, datasets: ['match'] } });
  });

  it('is not whole where a dataset joins meanwhile: the next one is (L7)', async () => {
    for (let i = 0; i < 4_000; i++) await equal(`match:${i}`);
    let covers = ['match'];
    const verifier = await world.verify({
      covers: () => covers,
      bounds: { keysPerSecond: () => (covers.length === 1 ? 20_000 : 0) },
    });
    await verifier.reports('a whole pass', ({ passes }) => passes === 1);
    await equal('session:1');
    covers = ['match', 'session'];
    const next = await verifier.reports('another whole pass', ({ passes }) => passes === 2);
    expect(next).toMatchObject({ settled: 4_001, pass: { keys: 4_001, datasets: ['match', 'session'] } });
    for (const { pass, settled } of verifier.statuses)
      if (pass?.datasets.includes('session')) expect(settled).toBe(4_001);
  });

  it('of an earlier life stands, with its age, until one of this life has ended; worse counts at once (L7, L8)', async () => {
    for (let i = 0; i < 40; i++) await equal(`match:${i}`);
    const one = await world.verify({ covers: () => ['match'] });
    const told = await one.reports('a clean pass', ({ clean }) => clean !== null);
    await one.stop();
    const before = { ...told, ageMs: 60_000 };
    await world.v2.client.set('match:7', 'damaged');
    let covers: readonly string[] | null = null;
    const next = await world.verify({ covers: () => covers, before });
    const remembered = await next.reports('a word', () => true);
    expect(remembered).toMatchObject({ passes: before.passes, settled: 40, equal: 40 });
    expect(remembered.clean?.ageMs).toBeGreaterThanOrEqual((told.clean?.ageMs ?? 0) + 60_000);
    expect(remembered.pass).toMatchObject({ keys: 40, remembered: true });
    expect(remembered.pass?.ageMs).toBeGreaterThanOrEqual((told.pass?.ageMs ?? 0) + 60_000);
    covers = ['match'];
    const own = await eventually('a pass of its own', () =>
      next.statuses.find(({ pass }) => pass?.remembered === false),
    );
    expect(own).toMatchObject({ passes: before.passes + 1, settled: 40, equal: 39, diverged: 1 });
    // No status in between spoke of fewer keys than the remembered one.
    expect(next.statuses.filter(({ settled }) => settled !== 40)).toEqual([]);
  });

  const equal = async (key: string) => {
    await world.v1.client.set(key, 'x');
    await world.v2.client.set(key, 'x');
  };
});

describe('a verifier that is killed and begun again beside a running sync', () => {
  const world = withSyncWorld();
  const running: { cancel(): void; done: Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const { cancel } of running) cancel();
    await Promise.all(running.splice(0).map(({ done }) => done));
  });

  const KEYS = 500;
  const HELD = 15;
  const plan = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);

  const begin = (of: Plan) => {
    const life = startHeldVerifier(of, world);
    running.push(life);
    return life;
  };

  it('never speaks of fewer keys than there are: values in quarantine look like what they are, beside all others (L7)', async () => {
    const { v1 } = world;
    for (let i = 0; i < KEYS; i++) await v1.client.set(`match:${i}`, `{"offers":[${i}]}`);
    for (let i = 0; i < HELD; i++) await v1.client.set(`match:held:${i}`, '{"offers":[1],"jobs":[2]}');
    const sync = await world.start(plan);
    await sync.live();
    const one = begin(plan);
    const told = await eventually('a whole pass', () => one.statuses.find(({ pass }) => pass !== null));
    expect(told).toMatchObject({ settled: KEYS, quarantined: HELD, pass: { keys: KEYS + HELD } });
    one.cancel();
    await one.done;

    const next = begin(plan);
    await eventually('a pass of its own', () => next.statuses.some(({ pass }) => pass?.remembered === false));
    for (const status of [...one.statuses, ...next.statuses]) {
      const percent = integrityOf([status], 'target');
      if (percent === null) expect(status.pass).toBeNull();
      else expect(percent).toBeCloseTo((KEYS * 100) / (KEYS + HELD));
    }
    expect(next.statuses.every(({ passes }) => passes >= told.passes)).toBe(true);
  });
});
