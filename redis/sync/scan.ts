import { setTimeout as delay } from 'node:timers/promises';
import type { Dataset } from '../../domain/plan.ts';
import { owns } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { brakeWords } from '../../domain/throttle.ts';
import { makePace, type Pace } from '../pace.ts';
import { scanNames } from '../scan-names.ts';
import { type Attempt, takesPart } from './attempt.ts';
import { type BornLive, handle } from './changes.ts';
import { boundsOf } from './bounds.ts';
import type { Ears } from './ears.ts';
import type { Manner } from './reconcile.ts';
import { trafficOf } from './traffic.ts';

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
  const paces = {
    keys: makePace(() => boundsOf(attempt).copyKeysPerSecond),
    bytes: makePace(() => boundsOf(attempt).copyBytesPerSecond),
  };
  while (!signal.aborted) {
    if (attempt.breaker.takeRescan()) for (const { name } of attempt.link.datasets) attempt.toScan.add(name);
    const datasets = attempt.link.datasets.filter(
      (dataset) => attempt.toScan.has(dataset.name) && takesPart(attempt, dataset),
    );
    if (datasets.length > 0)
      await scanDatasets({ attempt, bornLive, signal, paces, datasets: new Set(datasets) });
    else {
      ears.target.touched.clear();
      attempt.throttled = slowedByImpact(attempt);
      await believeAgain(attempt);
      await delay(20, undefined, { signal }).catch(() => undefined);
    }
  }
}

type Pass = {
  readonly attempt: Attempt;
  readonly bornLive: BornLive;
  readonly signal: AbortSignal;
  readonly paces: { readonly keys: Pace; readonly bytes: Pace };
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
  const before = trafficOf(attempt.lines);
  const batches: Promise<void>[] = [];
  const size = attempt.batch.keys;
  for (let i = 0; i < works.length; i += size)
    batches.push(handle(attempt, works.slice(i, i + size), manner, bornLive, signal));
  await Promise.all(batches);
  if (side === 'source') attempt.counters.copied += keys.length;
  await rest(pass, keys.length, trafficOf(attempt.lines) - before);
}

/** Bytes of changes that were carried meanwhile count too: they go first, the copy takes what is left. */
async function rest({ attempt, paces, signal }: Pass, keys: number, bytes: number): Promise<void> {
  const byKeys = await paces.keys(keys, signal).catch(() => false);
  const byBytes = await paces.bytes(bytes, signal).catch(() => false);
  attempt.throttled =
    slowedByImpact(attempt) ??
    (byKeys ? 'copy: at its keys per second' : byBytes ? 'copy: at its bytes per second' : null);
  for (let why = standsStill(attempt); why !== null && !signal.aborted; why = standsStill(attempt)) {
    attempt.throttled = why;
    await delay(10, undefined, { signal }).catch(() => undefined);
  }
}

function standsStill(attempt: Attempt): string | null {
  if (attempt.control.held) return 'copy: rests while the impact is measured';
  if (attempt.control.brake.share === 0) return slowedByImpact(attempt);
  return attempt.dirty.waiting > MOST_WAITING ? 'copy: changes go first' : null;
}

function slowedByImpact({ control }: Attempt): string | null {
  const words = brakeWords(control.brake);
  return words && `copy and verification ${words}`;
}

/** A suspicion ends when everything was looked at since, and no absence had to be held back (L5). A new one asks for a new scan first. */
async function believeAgain(attempt: Attempt): Promise<void> {
  const open = attempt.breaker.open();
  if (!open || attempt.dirty.parked > 0) return;
  await attempt.breaker.believe(open.side, attempt.ports[open.side].redis);
}
