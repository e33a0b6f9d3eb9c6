import { setTimeout as delay } from 'node:timers/promises';
import type { Dataset } from '../../domain/plan.ts';
import { owns, shareOf } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { makePace } from '../pace.ts';
import { scanNames } from '../scan-names.ts';
import { MAX_BATCH } from './apply-writes.ts';
import { type Attempt, takesPart } from './attempt.ts';
import { type BornLive, handle } from './changes.ts';
import type { Ears } from './ears.ts';
import type { Manner } from './reconcile.ts';

const SCAN_COUNT = 256;
/** Changes before copy: two batches may wait, and the copy's own echoes are among them. */
const MOST_WAITING = 128;

/**
 * Looks once at every key of the datasets that take part: the initial copy when the target is empty, a re-check
 * against the ledger after a restart; one way for both (L8). The target first: at the beginning it holds little.
 */
export async function scan(
  attempt: Attempt,
  ears: Readonly<Record<Side, Ears>>,
  bornLive: BornLive,
  signal: AbortSignal,
): Promise<void> {
  const pace = makePace(shareOf(attempt.shard, attempt.plan.throttle.copyKeysPerSecond));
  while (!signal.aborted) {
    if (attempt.breaker.takeRescan()) for (const { name } of attempt.link.datasets) attempt.toScan.add(name);
    const datasets = attempt.link.datasets.filter(
      (dataset) => attempt.toScan.has(dataset.name) && takesPart(attempt, dataset),
    );
    if (datasets.length > 0)
      await scanDatasets({ attempt, bornLive, signal, pace, datasets: new Set(datasets) });
    else {
      ears.target.touched.clear();
      await believeAgain(attempt);
      await delay(20, undefined, { signal }).catch(() => undefined);
    }
  }
}

type Pass = {
  readonly attempt: Attempt;
  readonly bornLive: BornLive;
  readonly signal: AbortSignal;
  readonly pace: (units: number, signal: AbortSignal) => Promise<boolean>;
  readonly datasets: ReadonlySet<Dataset>;
};

/** One walk over each side's keys for all datasets: SCAN with MATCH walks over everything for each pattern. */
async function scanDatasets(pass: Pass): Promise<void> {
  const { attempt, datasets } = pass;
  const names = [...datasets].map((dataset) => dataset.name);
  for (const name of names) attempt.toScan.delete(name);
  const adopted = attempt.keyspace.adopted(attempt.shard.name);
  const known = new Set(await attempt.ports.target.redis.smembers(adopted));
  // Some known, some not, happens only when a plan has grown: then all are told apart again, which is harmless.
  const manner = names.every((name) => known.has(name)) ? 'change' : 'adopt';
  await attempt.reached?.('scan target');
  await scanSide(pass, 'target', manner);
  await attempt.ports.target.redis.sadd(adopted, ...names);
  await attempt.reached?.('datasets adopted');
  await attempt.reached?.('scan source');
  await scanSide(pass, 'source', 'scan');
  if (pass.signal.aborted) return;
  for (const name of names) {
    attempt.joined.add(name);
    attempt.unseen.delete(name);
  }
  await attempt.reached?.('scanned');
}

async function scanSide(pass: Pass, side: Side, manner: Manner): Promise<void> {
  const { attempt, signal, datasets } = pass;
  for await (const names of scanNames(attempt.ports[side].redis, '*', SCAN_COUNT)) {
    if (signal.aborted) return;
    const keys = names.flatMap((name) => {
      const dataset = attempt.keyMap.owner(side, name);
      if (!dataset || !datasets.has(dataset)) return [];
      const key = side === 'source' ? name : attempt.keyMap.counterpart(dataset, side, name);
      return owns(attempt.shard, key) ? [key] : [];
    });
    await look(pass, side, manner, keys);
  }
}

async function look(pass: Pass, side: Side, manner: Manner, keys: readonly string[]): Promise<void> {
  const { attempt, bornLive, signal } = pass;
  const works = attempt.dirty.claim(keys, side, Date.now());
  const batches: Promise<void>[] = [];
  for (let i = 0; i < works.length; i += MAX_BATCH)
    batches.push(handle(attempt, works.slice(i, i + MAX_BATCH), manner, bornLive, signal));
  await Promise.all(batches);
  if (side === 'source') attempt.counters.copied += keys.length;
  await rest(pass, keys.length);
}

async function rest(pass: Pass, keys: number): Promise<void> {
  const { attempt, signal } = pass;
  const slowed = await pass.pace(keys, signal).catch(() => false);
  attempt.throttled = slowed ? 'copy: at the plan’s keys per second' : null;
  while ((attempt.control.held || attempt.dirty.waiting > MOST_WAITING) && !signal.aborted) {
    attempt.throttled = attempt.control.held
      ? 'copy: rests while the impact is measured'
      : 'copy: changes go first';
    await delay(10, undefined, { signal }).catch(() => undefined);
  }
}

/** A suspicion ends when everything was looked at since, and no absence had to be held back (L5). A new one asks for a new scan first. */
async function believeAgain(attempt: Attempt): Promise<void> {
  const open = attempt.breaker.open();
  if (!open || attempt.dirty.parked > 0) return;
  await attempt.breaker.believe(open.side, attempt.ports[open.side].redis);
}
