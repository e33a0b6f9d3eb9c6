import { expect, test } from 'vitest';
import { ABSENT, contentIn, type Digest, type LedgerEntry } from '../../../domain/protocol/protocol.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { land, type Landed } from '../../../domain/protocol/landing.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { entryTail, entryPlaceOf } from '../../../redis/state/ledger.ts';
import { keyBytes } from '../../../redis/client/key-bytes.ts';
import { applyWrites, type KeyWrite } from '../../../redis/replication/store/apply-writes.ts';
import { LeaseLost } from '../../../redis/replication/store/failure-kinds.ts';
import { portOf, readStates } from '../../../redis/replication/store/store-port.ts';
import { SEED } from '../../lanes/proofs.ts';
import { seeded } from '../../support/seeded.ts';
import { withRedis } from '../../support/servers/redis.ts';

const BATCHES = 40;
const CASES_OF_A_BATCH = 50;
const LINK = 'v1';
const keyspace = keyspaceOf('landing');
const redis = withRedis();

const FUTURE = [4_000_000_000_000, 4_000_000_000_001] as const;
const EXPIRIES = [-1, 1_000, ...FUTURE];
const VALUES = ['one', 'two'];

type Random = ReturnType<typeof seeded>;
type Case = {
  readonly name: string;
  readonly there: { state: Digest; entry: LedgerEntry | null };
  readonly write: KeyWrite;
  readonly model: Landed;
};

const seed = SEED ?? 1;
const random = seeded(seed);
const port = (side: Side) => portOf(side, redis.client);
const question = (name: string) => ({ name, place: entryPlaceOf(name), wanted: 'digest' as const });
const bytesOf = (entry: LedgerEntry | null) =>
  entry ? entry.stamp + entry.source + entry.target + entryTail(entry) : '';

/** No spelling, one for all places, or one of many places. So the ledger entries have very different lengths. */
function anySpelling(from: Random): string {
  return from.pick(['', '\0\x05', '\x02\xff', '\0\x05' + 'place+\x01'.repeat(200)]);
}

function entryAt(from: Random, digests: readonly Digest[]): LedgerEntry | null {
  if (from.chance(0.3)) return null;
  const states = { source: from.pick(digests), target: from.pick(digests) };
  return {
    stamp: from.pick(['stamp--1', 'stamp--2']),
    ...states,
    ours: from.chance(0.5),
    spelling: anySpelling(from),
  };
}

/** Digests by value and expiry, as the server itself gives them. */
async function spellings(side: Side): Promise<(value: string, expireAt: number) => Digest> {
  const [at] = FUTURE;
  const states = new Map<string, Digest>();
  for (const value of VALUES)
    for (const expireAt of [-1, at]) {
      await redis.client.set('spelling', value);
      if (expireAt > 0) await redis.client.pexpireat('spelling', expireAt);
      const [seen] = await readStates(await port(side), keyspace, LINK, [question('spelling')]);
      states.set(`${value} ${expireAt}`, seen?.digest ?? ABSENT);
    }
  return (value, expireAt) => {
    const content = contentIn(states.get(`${value} -1`) ?? ABSENT);
    if (expireAt === -1) return states.get(`${value} -1`) ?? ABSENT;
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(expireAt));
    return content + bytes.toString('latin1');
  };
}

async function stage(
  name: string,
  spell: (value: string, expireAt: number) => Digest,
): Promise<Omit<Case, 'model'> & { readonly state: Digest | null; readonly after: LedgerEntry | null }> {
  const [value, expireAt] = [random.pick(VALUES), random.pick([-1, ...FUTURE])];
  const present = random.chance(0.7);
  const state = present ? spell(value, expireAt) : ABSENT;
  if (present) await redis.client.set(name, value);
  if (present && expireAt > 0) await redis.client.pexpireat(name, expireAt);
  const digests = [ABSENT, spell('one', -1), spell('two', -1), spell('two', FUTURE[0])];
  const entry = entryAt(random, digests);
  const place = entryPlaceOf(name);
  if (entry)
    await redis.client.hset(keyspace.ledger(LINK, place.bucket), place.field, keyBytes(bytesOf(entry)));
  const act = random.pick(['string', 'delete', 'agree'] as const);
  const [wanted, until] = [random.pick(VALUES), random.pick(EXPIRIES)];
  const write: KeyWrite = {
    ...{ name, place, act, value: Buffer.from(act === 'string' ? wanted : ''), expireAt: BigInt(until) },
    expected: random.chance(0.8) ? state : random.pick(digests),
    expectedEntry: '',
    ...{ stamp: 'stamp--3', other: random.pick(digests), tail: '' },
    ...{ journal: random.chance(0.3), preimage: false },
  };
  const after = random.chance(0.8) ? entry : entryAt(random, digests);
  const states = { string: spell(wanted, until), delete: ABSENT, agree: null };
  return { name, there: { state, entry }, write, state: states[act], after };
}

test('L1 L2 L4: the script lands each write as the pure function says, on 2 000 random ones', async () => {
  const verdicts = new Map<string, number>();
  for (let batch = 0; batch < BATCHES; batch++) {
    const side = batch % 2 === 0 ? 'source' : 'target';
    const spell = await spellings(side);
    const mandate = { shard: LINK, token: 1 + random.below(2), epoch: 1 + random.below(2) };
    const [lease, epoch] = random.chance(0.7) ? [mandate.token, mandate.epoch] : [1 + random.below(2), 1];
    await redis.client.set(keyspace.lease(LINK), lease);
    await redis.client.hset('jday:authority', { authority: 'source', epoch });
    const cases: Case[] = [];
    for (let i = 0; i < CASES_OF_A_BATCH; i++) {
      const { state, after, write, ...rest } = await stage(`k:${batch}:${i}`, spell);
      // Only a delete can come without a tail: then both sides are gone and there is nothing to keep.
      const tail =
        write.act === 'delete' && random.chance(0.5)
          ? null
          : { ours: random.chance(0.5), spelling: anySpelling(random) };
      const { expected, stamp, other, journal } = write;
      const model = { ...mandate, expected, expectedEntry: after, state, other, stamp, tail, journal };
      const full = { ...write, expectedEntry: bytesOf(after), tail: tail ? entryTail(tail) : '' };
      cases.push({ ...rest, write: full, model });
    }
    for (const verdict of await compare(side, cases, { lease, epoch }))
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  // Each verdict was given often enough to mean something.
  for (const verdict of ['done', 'stale', 'epoch', 'fenced'])
    expect(verdicts.get(verdict) ?? 0, `${verdict}, seed ${seed}`).toBeGreaterThan(50);
});

async function compare(
  side: Side,
  cases: readonly Case[],
  right: { readonly lease: number; readonly epoch: number },
): Promise<readonly string[]> {
  const at = await port(side);
  const [{ model }] = cases as [Case];
  const mandate = { shard: LINK, token: model.token, epoch: model.epoch };
  const told = await applyWrites(
    at,
    keyspace,
    LINK,
    mandate,
    cases.map(({ write }) => write),
  ).then(
    (outcomes) => outcomes.map(({ word }) => String(word)),
    (error: unknown) => {
      if (error instanceof LeaseLost) return cases.map(() => 'fenced');
      throw error;
    },
  );
  const journal = await redis.client.hgetallBuffer(keyspace.journal(LINK));
  const states = await readStates(
    at,
    keyspace,
    LINK,
    cases.map(({ name }) => question(name)),
  );
  for (const [i, one] of cases.entries()) {
    const nowMs = states[i]?.nowMs ?? 0;
    const landing = land({ side, nowMs, ...right, ...one.there }, one.model);
    const what = `${one.name}, seed ${seed}`;
    expect(told[i], what).toBe(landing.verdict);
    const done = landing.verdict === 'done';
    expect(states[i]?.digest, what).toBe(done ? landing.state : one.there.state);
    expect(states[i]?.entryBytes, what).toBe(bytesOf(done ? landing.entry : one.there.entry));
    const journaled = Object.keys(journal).includes(`stamp--3${one.name}`);
    expect(journaled, what).toBe(done && landing.journaled !== null);
  }
  return told;
}
