import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteString } from '../../redis/client/key-bytes.ts';
import { eventually } from '../support/eventually.ts';
import { writeEveryType } from '../support/values/every-type.ts';
import { documentOn, type FollowingApp, startFollowingApp } from '../support/processes/following-app.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { sameKey } from '../support/values/same-key.ts';
import { shortPlan } from '../support/worlds/short-plan.ts';

const AT = Date.now() + 3_600_123;
const LONG = { withinMs: 180_000, everyMs: 200 };
const PREFIX = 'embedding:';

describe.each([
  ['Redis 7.0', 'redis-server', 'Valkey 9.1', 'valkey-server'],
  ['Valkey 9.1', 'valkey-server', 'Redis 7.0', 'redis-server'],
] as const)('from %s (%s) to %s (%s) and back', (_from, from, _to, to) => {
  const world = withMigrationWorld({ engines: { v1: from, v2: to } });
  let [v1, v2]: Redis[] = [];
  let names: readonly string[];
  let app: FollowingApp;
  const same = async (keys: readonly string[]) => {
    if (!v1 || !v2) throw new Error('the world runs only while tests run');
    for (const key of keys) await sameKey(v1, v2, key);
  };

  beforeAll(async () => {
    v1 = world.admin('v1');
    v2 = world.admin('v2');
    names = (await writeEveryType(v1, PREFIX, AT)).map(byteString);
    for (let i = 0; i < 200; i++) await v1.hset(`candidate:${i}`, { offers: `[${i}]`, note: 'café 🎯' });
    app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') }, 20);
  });
  afterAll(() => app.stop());

  test('every type arrives to the byte and the ms, and what V2 makes of it comes back with the rollback (L2, L4, L10)', async () => {
    const plan = shortPlan(join(world.dir.path, 'plan.yaml'), ['complete']);
    const started = await world.jday('start', '--plan', plan, '--day', '1s');
    expect(started.code, started.stderr).toBe(0);
    await world.inPhase('watch');
    await eventually('writes on V2', () => app.counts.target > 100, LONG);
    await same(names);
    expect(await v2?.pexpiretime(`${PREFIX}expires`)).toBe(AT);
    const on = world.app('v2');
    await on.pexpireat(`${PREFIX}hash`, AT + 1);
    await on.hset(`${PREFIX}hash large`, 'of V2', '1');
    await on.rpush(`${PREFIX}list`, 'of V2');
    await on.sadd(`${PREFIX}set large`, 'of V2');
    await on.zadd(`${PREFIX}zset`, 0.1, 'of V2');
    await on.xadd(`${PREFIX}stream`, '*', 'of', 'V2');
    await on.xack(`${PREFIX}stream`, 'group', '1-18446744073709551615');
    await on.del(`${PREFIX}list large`);
    await on.persist(`${PREFIX}expires`);
    await on.hset('candidate:1', 'jobs', '["of V2"]');
    const back = await world.jday('rollback', '--reason', 'back', '--wait');
    expect(back.code, back.stderr).toBe(5);
    expect(back.stdout).toContain('rolled-back');
    await eventually('writes on V1', () => app.counts.source > 0, LONG);
    await app.stop();
    await same(names.filter((name) => name !== `${PREFIX}list large`));
    // The message that was acknowledged on V2 is not pending on V1.
    expect((await v1?.xpending(`${PREFIX}stream`, 'group'))?.[0]).toBe(74);
    expect(await v1?.exists(`${PREFIX}list large`)).toBe(0);
    expect(await v1?.pexpiretime(`${PREFIX}hash`)).toBe(AT + 1);
    expect(await v1?.hgetall('candidate:1')).toEqual({ offers: '["of V2"]', note: 'café 🎯' });
    for (const [key, n] of app.acknowledged)
      expect(await world.admin('v1').get(key)).toBe(documentOn('source', n));
    await expect(world.app('v2').set('match:late', 'x')).rejects.toThrow(/NOPERM/);
    await world.app('v1').set('match:open', 'V1 serves');
  });
});
