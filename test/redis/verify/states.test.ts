import { describe, expect, it } from 'vitest';
import { runVerifier } from '../../../redis/verify/verifier.ts';
import { eventually } from '../../support/eventually.ts';
import { fillEqual, keyspace, withVerifyWorld } from '../../support/worlds/verify-world.ts';

const world = withVerifyWorld();
const LATER = () => Date.now() + 3_600_000;

describe('what the verifier counts', () => {
  it('L7 nothing compared is 0 of 0, and no clean pass', async () => {
    const verifier = await world.verify();
    expect(await verifier.nextPass()).toMatchObject({ settled: 0, equal: 0, diverged: 0, clean: null });
  });

  it('L7 only joined datasets are swept, and one that joins takes the clean pass away', async () => {
    await world.v1.client.set('session:1', 'only here');
    await world.v1.client.set('match:1', 'a');
    await world.v2.client.set('match:1', 'a');
    let joined = ['match'];
    const verifier = await world.verify({ covers: () => joined });
    expect(await verifier.nextPass()).toMatchObject({ settled: 1, equal: 1, sessions: { live: 0 } });
    expect(verifier.statuses.at(-1)?.clean).not.toBeNull();

    joined = ['match', 'session'];
    const after = await verifier.reports(
      'the session to be lost',
      ({ sessions, diverged }) => sessions.lost === 1 && diverged === 1,
    );
    expect(after).toMatchObject({ settled: 2, equal: 1, diverged: 1, clean: null });
  });

  it('a key that changes at every look is hot, neither settled nor diverged', async () => {
    await fillEqual(world.v1.client, world.v2.client);
    const verifier = await world.verify();
    const writer = await world.v1.connect();
    let stop = false;
    const writing = (async () => {
      for (let i = 0; !stop; i++) await writer.set('session:binary', String(i));
    })();
    const status = await verifier.reports('the key to be hot', ({ hot }) => hot === 1);
    stop = true;
    await writing;
    expect(status).toMatchObject({ settled: 7, equal: 7, diverged: 0, pending: 0 });
  });

  it('while the sync is known to be behind, nothing is diverged', async () => {
    await world.v1.client.set('session:1', 'x');
    let behind = true;
    const verifier = await world.verify({ behind: () => behind });
    await eventually('two passes', () => (verifier.statuses.at(-1)?.passes ?? 0) >= 2);
    expect(verifier.statuses.at(-1)).toMatchObject({
      pending: 1,
      diverged: 0,
      sessions: { live: 1, lost: 0 },
    });
    behind = false;
    await verifier.reports('the difference to count', ({ sessions }) => sessions.lost === 1);
  });

  it('L11 a quarantined value is counted apart, by the bytes of its source key', async () => {
    const key = Buffer.from([...Buffer.from('match:'), 255, 0]);
    await world.v1.client.set(key, '{"offers":[],"jobs":[1]}');
    await world.v2.client.hset(keyspace.quarantine('v1'), key, 'raw');
    const verifier = await world.verify();
    expect(await verifier.nextPass()).toMatchObject({ quarantined: 1, pending: 0, diverged: 0, settled: 0 });
  });

  it('a key of V2 that was never on the source is none of ours, unless the ledger does not know it', async () => {
    await world.v2.client.set('match:native', 'x');
    await world.v2.client.set('match:extra', 'x');
    const verifier = await world.verify({
      agreedAbsentOnSource: (keys) => Promise.resolve(keys.map((key) => key === 'match:native')),
    });
    const status = await verifier.reports('the extra key', ({ diverged }) => diverged === 1);
    expect(status).toMatchObject({ settled: 1, equal: 0, pending: 0 });
  });
});

describe('the census of sessions', () => {
  it('a live session is migrated when equal, lost when its difference is stable', async () => {
    for (const id of ['kept', 'gone', 'changed'])
      await world.v1.client.set(`session:${id}`, id, 'PXAT', LATER());
    await world.v2.client.restore('session:kept', 0, await dumpOf('session:kept'));
    await world.v2.client.pexpireat('session:kept', await world.v1.client.pexpiretime('session:kept'));
    await world.v2.client.set('session:changed', 'other');
    const verifier = await world.verify();
    const status = await verifier.reports('both to be lost', ({ sessions }) => sessions.lost === 2);
    expect(status.sessions).toEqual({ live: 3, migrated: 1, lost: 2 });
  });

  it('a session that only the other side has is an extra, not a lost one', async () => {
    await world.v2.client.set('session:1', 'x');
    const verifier = await world.verify();
    const status = await verifier.reports('the extra', ({ diverged }) => diverged === 1);
    expect(status.sessions).toEqual({ live: 0, migrated: 0, lost: 0 });
  });

  it('after the flip the target decides which sessions live', async () => {
    await world.v1.client.set('session:logged-out', 'x');
    await world.v2.client.set('session:new', 'x');
    const verifier = await world.verify({ authority: () => 'target' });
    const status = await verifier.reports('both to be diverged', ({ diverged }) => diverged === 2);
    expect(status.sessions).toEqual({ live: 1, migrated: 0, lost: 1 });
  });

  it('sessions that expire on both sides, a moment apart, are never lost', async () => {
    for (let i = 0; i < 200; i++) {
      const at = Date.now() + 300 + i * 4;
      await world.v1.client.set(`session:${i}`, 'x', 'PXAT', at);
      await world.v2.client.set(`session:${i}`, 'x', 'PXAT', at);
    }
    // The target lacks this key some time before it expires, as if the target's clock ran ahead.
    await world.v1.client.set('session:skewed', 'x', 'PXAT', Date.now() + 700);
    const verifier = await world.verify();
    await verifier.reports(
      'all to have expired',
      ({ sessions, passes }) => passes > 1 && sessions.live === 0,
    );
    expect(verifier.statuses.every(({ sessions, diverged }) => sessions.lost === 0 && diverged === 0)).toBe(
      true,
    );
  });

  async function dumpOf(key: string): Promise<Buffer> {
    const dump = await world.v1.client.dumpBuffer(key);
    if (dump === null) throw new Error('the key is not there');
    return dump;
  }
});

describe('the cache', () => {
  it('counts what the authority has, and what of it the other side has too', async () => {
    for (const [id, other] of [
      ['a', 'a'],
      ['b', 'stale'],
      ['c', null],
    ] as const) {
      await world.v1.client.set(`match:${id}`, id);
      if (other !== null) await world.v2.client.set(`match:${id}`, other);
    }
    await world.v2.client.set('match:born-on-v2', 'x');
    const before = await (await world.verify()).nextPass();
    expect(before.cache).toEqual({ source: 3, target: 2 });
    const after = await (await world.verify({ authority: () => 'target' })).nextPass();
    expect(after.cache).toEqual({ source: 3, target: 2 });
  });
});

describe('the manners of the verifier', () => {
  it('L3 it only reads', async () => {
    await fillEqual(world.v1.client, world.v2.client);
    await world.v2.client.del('session:1');
    const before = await changes();
    const verifier = await world.verify();
    await verifier.reports('a difference', ({ diverged }) => diverged === 1);
    expect(await changes()).toEqual(before);
  });

  it('a store that fails ends it with an error, so that the next attempt begins anew', async () => {
    const options = await world.optionsOf({});
    const done = runVerifier(options, new AbortController().signal, () => options.target.disconnect());
    await expect(done).rejects.toThrow();
  });

  /** How many changes of its data each server has counted since its last save. */
  async function changes(): Promise<readonly string[]> {
    const infos = await Promise.all([world.v1, world.v2].map(({ client }) => client.info('persistence')));
    return infos.map((info) => /rdb_changes_since_last_save:\d+/.exec(info)?.[0] ?? 'unknown');
  }
});
