import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import type { Witness, Witnesses } from './breaker.ts';

type Sides = Readonly<Record<Side, Redis>>;

/** Written on both sides: what a flush of one takes away, the other still says. */
export async function saveWitnesses(
  sides: Sides,
  keyspace: Keyspace,
  shard: string,
  witnesses: Witnesses,
): Promise<void> {
  const text = JSON.stringify(witnesses);
  await Promise.all([
    sides.source.set(keyspace.witness(shard), text),
    sides.target.set(keyspace.witness(shard), text),
  ]);
}

/**
 * What is known of each side from before. A side that lost the authority record, which a claim always writes, came
 * back empty or was flushed, whoever saw it (L5).
 */
export async function readWitnesses(sides: Sides, keyspace: Keyspace, shard: string): Promise<Witnesses> {
  const read = (side: Side) => sides[side].get(keyspace.witness(shard));
  const [here, there] = await Promise.all([read('source'), read('target')]);
  const [source, target] = [parsed(here), parsed(there)];
  // Another shard, quicker after a flush, has put the authority back: then the missing half of our own record tells.
  const lost = (await sides.source.exists(AUTHORITY_KEY)) === 0 || (here === null && there !== null);
  const known = {
    source: either(target.source, source.source),
    target: either(source.target, target.target),
  };
  if (lost) known.source = { runId: '', evicted: 0, ...known.source, suspect: 'the server lost our records' };
  return Object.fromEntries(Object.entries(known).filter(([, one]) => one !== undefined)) as Witnesses;
}

function parsed(text: string | null): Witnesses {
  return JSON.parse(text ?? '{}') as Witnesses;
}

/** The record of the other side first; a suspicion that only one of them holds still counts. */
function either(first: Witness | undefined, second: Witness | undefined): Witness | undefined {
  const [one, other] = [first ?? second, second ?? first];
  return one && { ...one, suspect: one.suspect ?? other?.suspect ?? null };
}
