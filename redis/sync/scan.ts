import { setTimeout as delay } from 'node:timers/promises';
import type { Dataset } from '../../domain/plan.ts';
import { owns } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { brakeWords } from '../../domain/brake.ts';
import { makePace, type Pace } from '../pace.ts';
import { scanNames } from '../scan-names.ts';
import { absentThere } from './absent-there.ts';
import { type Attempt, takesPart } from './attempt.ts';
import { type BornLive, handle } from './changes.ts';
import { believeAgain } from './belief.ts';
import { boundsOf } from './bounds.ts';
import { BUCKETS_AT_ONCE, goneKeys } from './gone-keys.ts';
import { InFlight } from './in-flight.ts';
import { OwnKeys } from './own-keys.ts';
import { dropOwnRecord, ownKeysOf } from './own-record.ts';
import type { Manner } from './reconcile.ts';
import { trafficOf } from './traffic.ts';

const SCAN_COUNT = 512;
/** Calls of the copy that wait for a server, so that neither server nor worker waits for the other. */
const MOST_IN_FLIGHT = 6;
/** Changes before copy: two batches may wait. */
const MOST_WAITING = 128;
/** Echoes of the copy's own writes: looked at when no change waits, but not put off for ever. */
const MOST_ECHOES = 4_096;
/** Nor does the copy give way for ever: hot keys must not starve those that rest, so a round goes through then. */
const MOST_GIVEN_WAY_MS = 500;

/**
 * Looks once at every key of the datasets that take part: the initial copy when the target is empty, a re-check
 * against the ledger after a restart; one way for both (L8). The target first: at the beginning it holds little.
 */
export async function scan(
  attempt: Attempt,
  touched: Set<string>,
  bornLive: BornLive,
  barrier: (side: Side) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const paces = {
    byKeys: makePace(() => boundsOf(attempt).copyKeysPerSecond),
    byBytes: makePace(() => boundsOf(attempt).copyBytesPerSecond),
  };
  while (!signal.aborted) {
    if (attempt.breaker.takeRescan()) for (const { name } of attempt.link.datasets) attempt.toScan.add(name);
    const datasets = attempt.link.datasets.filter(
      (dataset) => attempt.toScan.has(dataset.name) && takesPart(attempt, dataset),
    );
    if (datasets.length > 0)
      await scanDatasets({
        attempt,
        bornLive,
        signal,
        paces,
        datasets: new Set(datasets),
        flight: new InFlight(),
        buckets: { source: [], target: [] },
      });
    else {
      touched.clear();
      attempt.throttled = slowedByImpact(attempt);
      await believeAgain(attempt, barrier);
      await delay(20, undefined, { signal }).catch(() => undefined);
    }
  }
}

type Pass = {
  readonly attempt: Attempt;
  readonly bornLive: BornLive;
  readonly signal: AbortSignal;
  readonly paces: { readonly byKeys: Pace; readonly byBytes: Pace };
  readonly datasets: ReadonlySet<Dataset>;
  readonly flight: InFlight;
  /** Ledger buckets that the walk has come by. */
  readonly buckets: Readonly<Record<Side, string[]>>;
};

/**
 * One walk over each side's keys for all datasets: SCAN with MATCH walks over everything for each pattern. Those whose
 * keys on the target are still to be told apart go alone: of the others nobody notes any more what an app writes there.
 */
async function scanDatasets(whole: Pass): Promise<void> {
  const { attempt } = whole;
  const adopted = attempt.keyspace.adopted(attempt.shard.name);
  const known = new Set(await attempt.ports.target.redis.smembers(adopted));
  const fresh = [...whole.datasets].filter(({ name }) => !known.has(name));
  const manner = fresh.length === 0 ? 'change' : 'adopt';
  const pass = manner === 'change' ? whole : { ...whole, datasets: new Set(fresh) };
  const names = [...pass.datasets].map(({ name }) => name);
  for (const name of names) attempt.toScan.delete(name);
  if (manner === 'adopt')
    attempt.own = await ownKeysOf(attempt, names, pass.bornLive, paced(pass, 'target'), pass.signal);
  await attempt.reached?.('scan target');
  await scanSide(pass, 'target', manner);
  // While they are told apart the feed's memory of live writes is still needed.
  while (attempt.large.adopting > 0 && !pass.signal.aborted)
    await delay(10, undefined, { signal: pass.signal }).catch(() => undefined);
  if (manner === 'adopt') {
    // The copy on the source is for a target that comes back without it.
    for (const side of ['target', 'source'] as const) await attempt.guards[side]('SADD', adopted, ...names);
    await dropOwnRecord(attempt);
    attempt.own = OwnKeys.NONE;
  }
  for (const name of names) attempt.toldApart.add(name);
  await attempt.reached?.('datasets adopted');
  await attempt.reached?.('scan source');
  await scanSide(pass, 'source', manner === 'adopt' ? 'copy' : 'scan');
  if (pass.signal.aborted) return;
  for (const name of names) {
    attempt.joined.add(name);
    attempt.unseen.delete(name);
  }
  await attempt.reached?.('scanned');
  // The first time no ledger speaks of what is gone.
  if (manner === 'change') await forgetGone(pass);
}

/** A scan of keys does not come to those that are gone on both sides. Nobody waits for it: everything is live by now. */
async function forgetGone(pass: Pass): Promise<void> {
  const { attempt, buckets, datasets, signal } = pass;
  for (const side of ['target', 'source'] as const)
    for (let i = 0; i < buckets[side].length && !signal.aborted; i += BUCKETS_AT_ONCE) {
      const some = buckets[side].slice(i, i + BUCKETS_AT_ONCE);
      await handleAll(pass, side, 'change', await goneKeys(attempt, datasets, side, some));
      await rest(pass, 0, 0);
    }
  await pass.flight.landed();
}

async function scanSide(pass: Pass, side: Side, manner: Manner): Promise<void> {
  const ledger = pass.attempt.keyspace.ledger(pass.attempt.link.name, '');
  for await (const names of namesOn(pass, side)) {
    pass.buckets[side].push(...names.filter((name) => name.startsWith(ledger)));
    const keys = keysOf(pass, side, names);
    await look(pass, side, manner, manner === 'scan' ? await unmet(pass, keys) : keys);
    if (side === 'source') pass.attempt.counters.copied += keys.length;
  }
  await pass.flight.landed();
}

/**
 * Keys that the walk over the target has not looked at. What stands there it met, and looked at both sides of it; or it came
 * later, and its event was heard: the feed has run since before that walk.
 */
async function unmet({ attempt }: Pass, keys: readonly string[]): Promise<readonly string[]> {
  const names = keys.map((key) => {
    const dataset = attempt.keyMap.owner('source', key);
    return dataset ? attempt.keyMap.counterpart(dataset, 'source', key) : key;
  });
  const absent = await absentThere(attempt.ports.target, names);
  return keys.filter((_key, i) => absent.has(names[i] as string));
}

async function* namesOn({ attempt, signal }: Pass, side: Side): AsyncIterable<readonly string[]> {
  for await (const names of scanNames(attempt.ports[side].redis, '*', SCAN_COUNT)) {
    if (signal.aborted) return;
    yield names;
  }
}

/** Source keys of what stands on a side, as far as they are to be scanned. */
function keysOf({ attempt, datasets }: Pass, side: Side, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const dataset = attempt.keyMap.owner(side, name);
    if (!dataset || !datasets.has(dataset)) return [];
    const key = side === 'source' ? name : attempt.keyMap.counterpart(dataset, side, name);
    return owns(attempt.shard, key) ? [key] : [];
  });
}

/** The same, batch by batch, at the pace of the copy (L14). */
async function* paced(pass: Pass, side: Side): AsyncIterable<readonly string[]> {
  for await (const names of namesOn(pass, side)) {
    const keys = keysOf(pass, side, names);
    const before = trafficOf(pass.attempt.lines);
    yield keys;
    await rest(pass, keys.length, trafficOf(pass.attempt.lines) - before);
  }
}

async function look(pass: Pass, side: Side, manner: Manner, keys: readonly string[]): Promise<void> {
  const { attempt, flight } = pass;
  const before = trafficOf(attempt.lines);
  await handleAll(pass, side, manner, keys);
  // Bytes are known when they have landed; without a bound on them nobody waits for that.
  if (boundsOf(attempt).copyBytesPerSecond > 0) await flight.landed();
  await rest(pass, keys.length, trafficOf(attempt.lines) - before);
}

async function handleAll(pass: Pass, side: Side, manner: Manner, keys: readonly string[]): Promise<void> {
  const { attempt, bornLive, signal, flight } = pass;
  const works = attempt.dirty.claim(keys, side, Date.now());
  const size = attempt.batch.keys;
  for (let i = 0; i < works.length; i += size)
    await flight.add(handle(attempt, works.slice(i, i + size), manner, bornLive, signal), MOST_IN_FLIGHT);
}

/** Bytes of changes that were carried meanwhile count too: they go first, the copy takes what is left. */
async function rest({ attempt, paces, signal }: Pass, keys: number, bytes: number): Promise<void> {
  const atBound = (why: string) => () => {
    attempt.throttled = slowedByImpact(attempt) ?? why;
  };
  const byKeys = await paces.byKeys(keys, signal, atBound('copy: at its keys per second')).catch(() => false);
  const byBytes = await paces
    .byBytes(bytes, signal, atBound('copy: at its bytes per second'))
    .catch(() => false);
  if (!byKeys && !byBytes) attempt.throttled = slowedByImpact(attempt);
  const untilMs = performance.now() + MOST_GIVEN_WAY_MS;
  for (
    let why = standsStill(attempt, untilMs);
    why !== null && !signal.aborted;
    why = standsStill(attempt, untilMs)
  ) {
    attempt.throttled = why;
    await delay(10, undefined, { signal }).catch(() => undefined);
  }
}

function standsStill(attempt: Attempt, givesWayUntilMs: number): string | null {
  if (attempt.control.held) return 'copy: rests while the impact is measured';
  if (attempt.control.brake.share === 0) return slowedByImpact(attempt);
  const { waiting, echoes } = attempt.dirty;
  const busy = waiting > MOST_WAITING || echoes > MOST_ECHOES;
  return busy && performance.now() < givesWayUntilMs ? 'copy: changes go first' : null;
}

function slowedByImpact({ control }: Attempt): string | null {
  const words = brakeWords(control.brake);
  return words && `copy and verification ${words}`;
}
