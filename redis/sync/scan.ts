import { setTimeout as delay } from 'node:timers/promises';
import type { Dataset } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { makePace } from '../pace.ts';
import { MAX_BATCH } from './apply-writes.ts';
import { type Attempt, takesPart } from './attempt.ts';
import { type BornLive, handle } from './changes.ts';
import type { Ears } from './ears.ts';
import type { Manner } from './reconcile.ts';

const SCAN_COUNT = 256;

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
  const pace = makePace(attempt.plan.throttle.copyKeysPerSecond);
  const pass: Pass = { attempt, bornLive, signal, pace };
  while (!signal.aborted) {
    const next = attempt.link.datasets.find(
      (dataset) => attempt.toScan.has(dataset.name) && takesPart(attempt, dataset),
    );
    if (next) await scanDataset(pass, next);
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
};

async function scanDataset(pass: Pass, dataset: Dataset): Promise<void> {
  const { attempt } = pass;
  attempt.toScan.delete(dataset.name);
  const adopted = attempt.keyspace.adopted(attempt.link.name);
  const known = (await attempt.ports.target.redis.sismember(adopted, dataset.name)) === 1;
  await scanSide(pass, dataset, 'target', known ? 'change' : 'adopt');
  if (!known) await attempt.ports.target.redis.sadd(adopted, dataset.name);
  await scanSide(pass, dataset, 'source', 'scan');
  if (!pass.signal.aborted) attempt.joined.add(dataset.name);
}

async function scanSide(pass: Pass, dataset: Dataset, side: Side, manner: Manner): Promise<void> {
  const { attempt, signal } = pass;
  for (const pattern of attempt.keyMap.patterns(dataset, side)) {
    let cursor = '0';
    do {
      const args = [cursor, 'MATCH', keyBytes(pattern), 'COUNT', String(SCAN_COUNT)];
      const [next, keys] = (await attempt.ports[side].redis.callBuffer('SCAN', args)) as [Buffer, Buffer[]];
      cursor = next.toString();
      await look(pass, dataset, side, manner, keys.map(byteString));
    } while (cursor !== '0' && !signal.aborted);
  }
}

async function look(
  pass: Pass,
  dataset: Dataset,
  side: Side,
  manner: Manner,
  names: readonly string[],
): Promise<void> {
  const { attempt, bornLive, signal } = pass;
  const mine = names.filter((name) => attempt.keyMap.owner(side, name) === dataset);
  const keys =
    side === 'source' ? mine : mine.map((name) => attempt.keyMap.counterpart(dataset, 'target', name));
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
  while (attempt.control.held && !signal.aborted) {
    attempt.throttled = 'copy: rests while the impact is measured';
    await delay(10, undefined, { signal }).catch(() => undefined);
  }
}

/** A suspicion ends when everything was looked at since, and no absence had to be held back (L5). */
async function believeAgain(attempt: Attempt): Promise<void> {
  const open = attempt.breaker.open();
  if (!open || attempt.dirty.parked > 0) return;
  await attempt.breaker.believe(open.side, attempt.ports[open.side].redis);
}
