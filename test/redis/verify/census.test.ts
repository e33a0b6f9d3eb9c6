import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { Moments } from '../../../domain/gates/status.ts';
import { dataset } from '../../support/worlds/sync-world.ts';
import { linkOf, withVerifyWorld } from '../../support/worlds/verify-world.ts';

const world = withVerifyWorld();
const SESSIONS = 60;
/** So many other keys that a whole pass over them does not end while a test runs. */
const OTHERS = 4_000;
const SLOW = { keysPerSecond: () => 100 };

/** Writes keys on both sides. */
async function fill(prefix: string, count: number): Promise<void> {
  const script =
    "for i = 0, tonumber(ARGV[2]) - 1 do redis.call('SET', ARGV[1] .. i, 'x') end return ARGV[2]";
  for (const redis of [world.v1.client, world.v2.client]) await redis.eval(script, 0, prefix, String(count));
}

describe('the census of sessions', () => {
  it('counts them while a whole pass over all other keys has not ended, and by no whole pass (L7)', async () => {
    await fill('match:', OTHERS);
    await fill('session:', SESSIONS);
    const verifier = await world.verify({ bounds: SLOW });
    const status = await verifier.reports('a census', ({ census }) => (census?.passes ?? 0) >= 1);
    expect(status).toMatchObject({
      passes: 0,
      pass: null,
      sessions: { live: SESSIONS, migrated: SESSIONS, lost: 0 },
      census: { pass: { datasets: ['session'], keys: SESSIONS, remembered: false } },
    });
  });

  it('begins at once where sessions join in the middle of a whole pass, and tells the moment before it began', async () => {
    await fill('match:', OTHERS);
    await fill('session:', SESSIONS);
    let joined = ['match'];
    let now: Moments = { v1: { token: 7, word: 1 } };
    const verifier = await world.verify({ bounds: SLOW, covers: () => joined, moments: () => now });
    await verifier.reports('that nothing is counted yet', ({ census }) => census?.passes === 0);
    now = { v1: { token: 7, word: 2 } };
    joined = ['match', 'session'];
    const status = await verifier.reports('a census', ({ census }) => census?.pass !== null);
    expect(status).toMatchObject({ pass: null, sessions: { live: SESSIONS } });
    expect(status.census?.pass?.from).toEqual({ v1: { token: 7, word: 2 } });
  });

  it('finds a session that is lost, and one that comes back, while no whole pass ends', async () => {
    await fill('match:', OTHERS);
    await fill('session:', SESSIONS);
    await world.v2.client.del('session:7');
    const verifier = await world.verify({ bounds: SLOW });
    const lost = await verifier.reports('the lost session', ({ sessions }) => sessions.lost === 1);
    expect(lost).toMatchObject({ pass: null, sessions: { live: SESSIONS, migrated: SESSIONS - 1, lost: 1 } });
    expect(lost.evidence).toMatchObject([{ dataset: 'session', what: 'missing on target' }]);
    await world.v2.client.set('session:7', 'x');
    const back = await verifier.reports('none lost', ({ sessions }) => sessions.lost === 0);
    expect(back).toMatchObject({ pass: null, sessions: { live: SESSIONS, migrated: SESSIONS } });
  });

  it('sees by itself what only a whole pass has found so far: worse counts at once (L7)', async () => {
    await fill('session:', SESSIONS);
    const verifier = await world.verify({ censusRestMs: 3_600_000 });
    await verifier.reports('a census and a whole pass', (one) => one.census?.pass !== null && one.passes > 0);
    await world.v2.client.set('session:7', 'damaged');
    const status = await verifier.reports('the damage', ({ diverged }) => diverged === 1);
    expect(status.sessions).toEqual({ live: SESSIONS, migrated: SESSIONS - 1, lost: 1 });
  });

  it('takes the time of its sessions, and of a short walk over the names: not that of the other keys', async () => {
    const names = 150_000;
    await fill('match:', names);
    await fill('session:', SESSIONS);
    const verifier = await world.verify({ bounds: { keysPerSecond: () => 1_000 } });
    const status = await verifier.reports('a census', ({ census }) => census?.pass !== null, 30_000);
    // At its pace of 500 keys a second the other keys alone would take ten minutes. The walk goes by 100 000 a second.
    expect(status.census?.pass?.tookMs).toBeLessThan(12_000);
    expect(status).toMatchObject({ pass: null, sessions: { live: SESSIONS, lost: 0 } });
  });

  it('stays within the bounds of verification together with the whole passes (L14)', async () => {
    await fill('session:', 2_000);
    const verifier = await world.verify({ bounds: { keysPerSecond: () => 1_000 }, minPassMs: 0 });
    const began = performance.now();
    const { passes, census } = await verifier.reports(
      'a census and a whole pass',
      (one) => one.census?.pass !== null && one.passes > 0,
      30_000,
    );
    const keys = (passes + (census?.passes ?? 0)) * 2_000;
    expect(keys / ((performance.now() - began) / 1_000)).toBeLessThan(1_300);
  });

  it('of an earlier life stands, with its age, until one of this life has ended; worse counts at once (L7, L8)', async () => {
    await fill('match:', OTHERS);
    await fill('session:', SESSIONS);
    const one = await world.verify({ bounds: SLOW });
    const told = await one.reports('a census', ({ census }) => census?.pass !== null);
    await one.stop();
    await world.v2.client.del('session:7');
    let covers: readonly string[] | null = null;
    const before = { ...told, ageMs: 60_000 };
    const next = await world.verify({ bounds: SLOW, covers: () => covers, before });
    const remembered = await next.reports('a status', () => true);
    expect(remembered.sessions).toEqual(told.sessions);
    expect(remembered.census).toMatchObject({ passes: told.census?.passes, pass: { remembered: true } });
    expect(remembered.census?.pass?.ageMs).toBeGreaterThanOrEqual(
      (told.census?.pass?.ageMs ?? Infinity) + 60_000,
    );
    covers = ['match', 'session', 'metrics'];
    const own = await next.reports('a census of its own', ({ census }) => census?.pass?.remembered === false);
    expect(own.census?.passes).toBe((told.census?.passes ?? 0) + 1);
    await next.reports('the lost session', ({ sessions }) => sessions.lost === 1);
    expect(next.statuses.every(({ sessions }) => sessions.live === SESSIONS)).toBe(true);
  });

  it('finds sessions under every name that the plan gives them, on both sides', async () => {
    const link = linkOf([
      dataset({ name: 'match' }),
      dataset({
        name: 'session',
        role: 'sessions',
        patterns: ['session:*'],
        rename: { from: 'session:*', to: 's[1]:*:v2' },
      }),
      dataset({ name: 'login', role: 'sessions', patterns: ['login:a*', 'login:*b', 'token:?'] }),
    ]);
    const write = async (redis: Redis, names: readonly string[]) => {
      for (const name of names) await redis.set(name, 'x');
    };
    const same = ['login:ab', 'login:a1', 'login:1b', 'token:1'];
    await write(world.v1.client, ['session:1', 'session:2', 'login:other', 'token:12', ...same]);
    await write(world.v2.client, ['s[1]:1:v2', 's1:2:v2', 's[1]:3:v2', ...same]);
    const covers = () => link.datasets.map(({ name }) => name);
    const verifier = await world.verify({ link, covers });
    const status = await verifier.reports(
      'the census, with what differs',
      ({ sessions, census }) => census?.pass !== null && sessions.lost === 1,
    );
    expect(status.sessions).toEqual({ live: 6, migrated: 5, lost: 1 });
    expect(status.census?.pass?.datasets).toEqual(['session', 'login']);
    // `session:3` stands on V2 alone.
    expect(status.census?.pass?.keys).toBe(7);
  });

  it('is none where the link has no sessions', async () => {
    await fill('match:', 20);
    const link = linkOf([dataset({ name: 'match' })]);
    const { census: _census, ...options } = await world.optionsOf({ link, covers: () => ['match'] });
    const verifier = world.run(options);
    expect(await verifier.nextPass()).not.toHaveProperty('census');
  });
});
