import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const TTLS_MS = [50, 300, 2_000];
const ABSENT = -2;
const LOOKS = 3;
const OTHERS = 1_000;
const keyspace = keyspaceOf('test');
const plan = planOf([dataset({ name: 'match' })], {
  throttle: { copyKeysPerSecond: 500, verifyKeysPerSecond: 0 },
});

/** A session that its app renews three times within its TTL, each time to a newer absolute expiry. */
class Session {
  readonly key: string;
  readonly #ttlMs: number;
  readonly #redis: Redis;
  readonly #running: Promise<void>;
  /** Every expiry that it was ever given, the newest last. */
  readonly given: number[] = [];
  #stopped = false;

  constructor(redis: Redis, ttlMs: number) {
    this.key = `match:session:${ttlMs}`;
    this.#ttlMs = ttlMs;
    this.#redis = redis;
    this.#running = this.#slide();
  }

  async #slide(): Promise<void> {
    while (!this.#stopped) {
      await this.#renew(Date.now() + this.#ttlMs);
      await delay(this.#ttlMs / 3);
    }
  }

  /** An app that comes too late finds nothing, and logs in again. */
  async #renew(wanted: number): Promise<void> {
    const at = Math.max(wanted, (this.given.at(-1) ?? 0) + 1);
    this.given.push(at);
    if ((await this.#redis.pexpireat(this.key, at)) === 0)
      await this.#redis.set(this.key, 'user', 'PXAT', at);
  }

  async rest(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#renew(Date.now() + 60_000);
  }
}

/**
 * Watches the copy all the time. It may be late, but it must not end early, go back to an older expiry, or have an
 * expiry that no app gave it. The returned function ends the watch and returns what was wrong.
 */
function watch(v2: Redis, { key, given }: Session): () => Promise<readonly string[]> {
  const wrong: string[] = [];
  let [seen, stopped] = [0, false];
  const running = (async () => {
    while (!stopped) {
      const at = await v2.pexpiretime(key);
      const now = Date.now();
      if (at === ABSENT) {
        if (now < seen) wrong.push(`gone ${seen - now} ms before its end`);
        seen = 0;
      } else if (!given.includes(at)) wrong.push(`an expiry that no app gave it: ${at}`);
      else if (at < seen) wrong.push('back to an older expiry');
      else seen = at;
      await delay(1);
    }
  })();
  return async () => {
    stopped = true;
    await running;
    return wrong;
  };
}

/**
 * Waits until the copy has the expiry that V1 had just before and just after, and this expiry is later than `after`.
 */
function sameAfter(v1: Redis, v2: Redis, { key }: Session, after: number): Promise<number> {
  return eventually(
    `V2 to have ${key} with V1’s expiry`,
    async () => {
      const [before, there, behind] = [
        await v1.pexpiretime(key),
        await v2.pexpiretime(key),
        await v1.pexpiretime(key),
      ];
      return before > after && before === there && before === behind && there;
    },
    { everyMs: 1 },
  );
}

const world = withSyncWorld();

/** A copy that waits before its first key until `letGo` is called. */
function heldCopy() {
  let scanned = false;
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const reached = (step: FaultPoint) => {
    scanned ||= step === 'scanned';
    return step === 'scan source' ? held : undefined;
  };
  return { reached, letGo: () => letGo(), scanned: () => scanned };
}

test('L4: expiries of 50 ms to 2 s, renewed before, during and after a slow copy, live on V2 as on V1', async () => {
  const { v1, v2 } = world;
  const fill = v1.client.pipeline();
  for (let i = 0; i < OTHERS; i++) fill.set(`match:other:${i}`, String(i));
  await fill.exec();
  const sessions = await Promise.all(TTLS_MS.map(async (ms) => new Session(await v1.connect(), ms)));
  await eventually('renewals', () => sessions.every(({ given }) => given.length > 3));
  const watched = await Promise.all(sessions.map(async (one) => watch(await v2.connect(), one)));
  const copy = heldCopy();
  await world.start(plan, copy.reached);
  const readers = await Promise.all([v1.connect(), v2.connect()]);
  const look = async () =>
    Promise.all(sessions.map(async (one) => sameAfter(...readers, one, one.given.at(-1) ?? 0)));
  for (let i = 0; i < LOOKS; i++) await look();
  expect(copy.scanned()).toBe(false);
  copy.letGo();
  while (!copy.scanned()) await look();
  for (let i = 0; i < LOOKS; i++) await look();
  await Promise.all(sessions.map((one) => one.rest()));
  await drainLinks(v2.client, keyspace, linksOf(plan), 'source', performance.now() + 10_000);
  for (const { key, given } of sessions) {
    expect(await v2.client.get(key)).toBe('user');
    expect(await v2.client.pexpiretime(key)).toBe(given.at(-1));
  }
  for (const wrong of watched) expect(await wrong()).toEqual([]);
  expect(await v2.client.hlen(keyspace.journal('v1'))).toBe(0);
});
