import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { linksOf } from '../../../domain/plan/plan.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const SILENCE_MS = 500;

describe('a sync whose ticks take longer than a feed may be silent', () => {
  const world = withSyncWorld();

  test('does not take its own slowness for the loss of a feed (L8)', async () => {
    const [link] = linksOf(planOf([dataset({ name: 'match' })]));
    await world.claim();
    const [toldAt, stop] = [[] as number[], new AbortController()];
    const done = runSync(
      {
        plan: planOf([dataset({ name: 'match' })]),
        link: link!,
        environment: world.environment(),
        report: () => toldAt.push(performance.now()),
        patience: { connectMs: 5_000, replyMs: 5_000, silenceMs: SILENCE_MS },
        reached: (step) => (step === 'witness saved' ? delay(2 * SILENCE_MS) : undefined),
      },
      stop.signal,
    );
    const failed = done.then(
      () => null,
      (error: unknown) => error,
    );
    await Promise.race([failed, eventually('three ticks', () => toldAt.length > 3)]);
    const [first = 0, last = 0] = [toldAt.at(0), toldAt.at(-1)];
    expect(last - first).toBeGreaterThan(4 * SILENCE_MS);
    stop.abort();
    expect(await failed).toBeNull();
  });
});
