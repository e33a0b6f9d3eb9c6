import type { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { shortHash } from '../../../redis/verify/typed-state.ts';
import { eventually } from '../../support/eventually.ts';
import { withVerifyWorld } from '../../support/worlds/verify-world.ts';

const world = withVerifyWorld();
const KEYS = 400;
const BACKLOG = 8;
const RULES = { retryWindowMs: 1_500, hotAfterChanges: 5 };
const stops: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));

it('L7 L13 under a writer and a copier there is no false divergence, and damage amid the churn is found', async () => {
  const churn = await startChurn(await world.v1.connect(), await world.v2.connect());
  const verifier = await world.verify({ rules: RULES });
  // The number of passes alone proves little: the first ones may end before the app has written most of its keys.
  await verifier.reports(
    'several passes amid the churn, most keys equal',
    ({ passes, equal }) => passes >= 5 && equal > KEYS / 2,
  );
  expect(verifier.statuses.filter(({ diverged, sessions }) => diverged + sessions.lost > 0)).toEqual([]);

  await world.v2.client.set('session:quiet', 'damaged');
  const alarmed = await verifier.reports('the damage', ({ diverged }) => diverged > 0);
  expect(alarmed.evidence).toEqual([{ dataset: 'session', key: shortHash('session:quiet'), what: 'value' }]);
  expect(alarmed.sessions.lost).toBe(1);

  await world.v2.client.set('session:quiet', 'as it was');
  await eventually('enough churn', () => churn.writes() > 1_000);
  await churn.stop();
  const clean = await verifier.reports(
    'all to be equal',
    (status) => status.equal === status.settled && status.pending + status.hot === 0,
  );
  const rest = await verifier.nextPass();
  expect(clean.diverged).toBe(0);
  expect(rest).toMatchObject({ equal: await world.v1.client.dbsize(), pending: 0, hot: 0, diverged: 0 });
});

/** An app that sets, deletes and expires keys as fast as it can, and a copier that carries each key to V2. */
async function startChurn(app: Redis, v2: Redis) {
  const dirty = new Set<string>();
  const reader = await world.v1.connect();
  for (const redis of [app, v2]) await redis.set('session:quiet', 'as it was');
  let running = true;
  let writes = 0;
  const dice = makeDice();
  const writing = (async () => {
    for (; running; writes++) {
      // The app waits for the copier. Otherwise the copier never catches up, and nothing can be compared.
      while (dirty.size > BACKLOG) await app.ping();
      const number = dice();
      const key = keyOf(number);
      await change(app, key, number);
      dirty.add(key);
    }
  })();
  const copying = (async () => {
    while (running || dirty.size > 0) {
      const [key] = dirty;
      if (key === undefined) await reader.ping();
      else {
        dirty.delete(key);
        await copy(reader, v2, key);
      }
    }
  })();
  const stop = async () => {
    running = false;
    await Promise.all([writing, copying]);
  };
  stops.push(stop);
  return { stop, writes: () => writes };
}

/** Every fourth write goes to one of three hot keys. */
function keyOf(dice: number): string {
  const id = dice % 4 === 0 ? dice % 3 : (dice >>> 4) % KEYS;
  return `${id % 2 === 0 ? 'session' : 'metrics'}:${id}`;
}

async function change(app: Redis, key: string, dice: number): Promise<void> {
  const kind = (dice >>> 8) % 10;
  if (kind === 0) await app.del(key);
  else if (kind === 1) await app.set(key, `brief ${dice}`, 'PX', 40);
  else if (kind < 5) await app.set(key, `value ${dice}`, 'PX', 600_000);
  else
    await app
      .multi()
      .del(key)
      .hset(key, { dice, field: `x${dice}` })
      .pexpire(key, 500_000)
      .exec();
}

/** Always the same sequence of numbers of 32 bits (Numerical Recipes' generator, high bits first). */
function makeDice(): () => number {
  let state = 20_261_122;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 16) | (state << 16)) >>> 0;
  };
}

/** Copies the whole state with its absolute expiry. A key that is gone is deleted on the other side too. */
async function copy(from: Redis, to: Redis, key: string): Promise<void> {
  const there = key.replace('metrics:', 'metrics:v1:');
  const replies = (await from.multi().dumpBuffer(key).pexpiretime(key).exec()) ?? [];
  const [dump, expireAt] = replies.map(([, reply]) => reply);
  if (!(dump instanceof Buffer)) await to.del(there);
  else await to.restore(there, Math.max(0, Number(expireAt)), dump, 'REPLACE', 'ABSTTL');
}
