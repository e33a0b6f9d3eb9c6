import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf, type Side } from '../../../domain/plan/plan.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);
const keyspace = keyspaceOf('test');

/** Does something once, the first time the engine comes to a step after `arm`. */
function onceAt(step: FaultPoint) {
  let act: (() => Promise<unknown>) | null = null;
  let done = Promise.resolve();
  return {
    arm(armed: () => Promise<unknown>): Promise<void> {
      done = new Promise<void>((resolve, reject) => {
        act = () => armed().then(() => resolve(), reject);
      });
      return done;
    },
    async reached(now: FaultPoint): Promise<void> {
      if (now !== step || !act) return;
      const armed = act;
      act = null;
      await armed();
    },
  };
}

describe('the races that lose data elsewhere', () => {
  const world = withSyncWorld();
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  const start = async (reached: (step: FaultPoint) => void | Promise<void> = () => undefined) => {
    await world.claim();
    const [link] = linksOf(plan);
    if (!link) throw new Error('a plan without a link');
    const stop = new AbortController();
    let scanned = false;
    const options = {
      plan,
      link,
      environment: world.environment(),
      report: () => undefined,
      reached: (step: FaultPoint) => {
        scanned ||= step === 'scanned';
        return reached(step);
      },
    };
    const done = runSync(options, stop.signal);
    stops.push(async () => {
      stop.abort();
      await done.catch(() => undefined);
    });
    return {
      scanned: () => eventually('the scan to be over', () => scanned, { everyMs: 5 }),
    };
  };
  const settle = async () => {
    for (const side of ['source', 'target'] as const)
      await drainLinks(world.v2.client, keyspace, linksOf(plan), side, performance.now() + 10_000);
  };
  const serve = async (side: Side, epoch: number) => {
    for (const redis of [world.v2.client, world.v1.client])
      await writeAuthority(await loadScripts(redis), { side, epoch });
  };
  const losers = async () =>
    Object.values(await world.v2.client.hgetallBuffer(keyspace.journal('v1'))).length;
  const same = async (key: string) => {
    const look = (redis: Redis) => Promise.all([redis.dumpBuffer(key), redis.pexpiretime(key)]);
    expect(await look(world.v2.client)).toEqual(await look(world.v1.client));
  };

  test('L4: a session renewed between the read and the write is not brought back to its older expiry', async () => {
    const { v1, v2 } = world;
    const moment = onceAt('before apply target');
    const sync = await start(moment.reached);
    await sync.scanned();
    const renewed = Date.now() + 60_000;
    const raced = moment.arm(() => v1.client.pexpireat('match:session', renewed));
    await v1.client.set('match:session', 'user', 'PX', 150);
    await raced;
    await settle();
    expect(await v2.client.pexpiretime('match:session')).toBe(renewed);
    await eventually(
      'the first expiry to be past',
      async () => (await v1.client.pexpiretime('match:session')) - 59_850 < Date.now(),
    );
    await same('match:session');
  });

  test('L4: the end of the old copy after the flip does not kill the key that V2 wrote anew', async () => {
    const { v1, v2 } = world;
    const sync = await start();
    await sync.scanned();
    await v1.client.set('match:lock', 'of V1', 'PX', 60_000);
    await sameString(v1.client, v2.client, 'match:lock', 'of V1');
    const end = Date.now() + 250;
    await v1.client.pexpireat('match:lock', end);
    await serve('target', 2);
    // V1 must not get the new key before its own copy expires.
    await v1.client.call('CLIENT', ['PAUSE', '400', 'WRITE']);
    await v2.client.set('match:lock', 'of V2', 'PX', 60_000);
    await eventually(
      'the end of the old copy',
      async () => Date.now() > end + 20 && (await v1.client.time()) !== null,
    );
    await v1.client.call('CLIENT', ['UNPAUSE']);
    await settle();
    expect(await v2.client.get('match:lock')).toBe('of V2');
    await same('match:lock');
  });

  test('L2: deleted and created again is the new key on both sides, with none of the old expiry', async () => {
    const { v1, v2 } = world;
    const moment = onceAt('before apply target');
    const sync = await start(moment.reached);
    await sync.scanned();
    await v1.client.hset('match:key', { old: '1' });
    await v1.client.pexpire('match:key', 60_000);
    await settle();
    const raced = moment.arm(() => v1.client.set('match:key', 'new'));
    await v1.client.del('match:key');
    await raced;
    await settle();
    expect(await v2.client.get('match:key')).toBe('new');
    expect(await v2.client.pttl('match:key')).toBe(-1);
  });

  test('L2: a rename onto an existing key moves content and expiry, and the old name is gone', async () => {
    const { v1, v2 } = world;
    const sync = await start();
    await sync.scanned();
    await v1.client.set('match:from', 'moved', 'PX', 60_000);
    await v1.client.rpush('match:onto', 'overwritten');
    await settle();
    await v1.client.rename('match:from', 'match:onto');
    await settle();
    expect(await v2.client.get('match:onto')).toBe('moved');
    expect(await v2.client.exists('match:from')).toBe(0);
    await same('match:onto');
    await v2.client.rename('match:onto', 'match:from');
    await settle();
    expect(await v1.client.get('match:from')).toBe('moved');
    expect(await v1.client.exists('match:onto')).toBe(0);
  });

  test('L2: a key that changes its type between read and write arrives as what it has become', async () => {
    const { v1, v2 } = world;
    const moment = onceAt('before apply target');
    const sync = await start(moment.reached);
    await sync.scanned();
    const raced = moment.arm(() => v1.client.multi().del('match:key').zadd('match:key', 94.5, 'a').exec());
    await v1.client.set('match:key', 'text');
    await raced;
    await settle();
    expect(await v2.client.zscore('match:key', 'a')).toBe('94.5');
    await same('match:key');
  });

  test('L2: a write on the far side between read and write is not overwritten unseen: it goes to the journal', async () => {
    const { v1, v2 } = world;
    const moment = onceAt('before apply target');
    const sync = await start(moment.reached);
    await sync.scanned();
    const raced = moment.arm(() => v2.client.set('match:key', 'of V2'));
    await v1.client.set('match:key', 'of V1');
    await raced;
    await settle();
    expect(await v2.client.get('match:key')).toBe('of V1');
    await same('match:key');
    expect(await losers()).toBe(1);
  });

  test('L4: an expiry taken off stays off, and one in the past is a delete', async () => {
    const { v1, v2 } = world;
    const sync = await start();
    await sync.scanned();
    await v1.client.set('match:ended', 'user');
    let end = 0;
    // On a slow machine the key may expire before PERSIST. Then this tries again.
    await eventually('the expiry to be taken off in time', async () => {
      await v1.client.set('match:kept', 'user', 'PX', 600);
      await settle();
      end = await v1.client.pexpiretime('match:kept');
      return (await v1.client.persist('match:kept')) === 1;
    });
    await v1.client.pexpireat('match:ended', 1);
    await settle();
    await eventually('the expiry that was taken off', () => Date.now() > end + 20);
    expect(await v2.client.pttl('match:kept')).toBe(-1);
    expect(await v2.client.exists('match:ended')).toBe(0);
    expect(await losers()).toBe(0);
  });

  test('L2: keys that never rest starve neither the copy nor each other, and are right once they rest', async () => {
    const { v1, v2 } = world;
    const hot = Array.from({ length: 400 }, (_, i) => `match:hot:${i}`);
    for (let i = 0; i < 2_000; i++) await v1.client.set(`match:cold:${i}`, String(i));
    // The engine is slow here, so there are always more changes than it can carry.
    const sync = await start((step) => (step === 'keys read' ? delay(15) : undefined));
    let resting = false;
    const app = await v1.connect();
    const writer = (async () => {
      for (let n = 1; !resting; n++) {
        const pipeline = app.pipeline();
        for (const key of hot) pipeline.set(key, `${key} ${n}`);
        await pipeline.exec();
      }
    })();
    await sync.scanned();
    expect(await v2.client.get('match:cold:1999')).toBe('1999');
    resting = true;
    await writer;
    await settle();
    for (const key of hot) expect(await v2.client.get(key)).toBe(await v1.client.get(key));
    expect(await losers()).toBe(0);
  });
});
