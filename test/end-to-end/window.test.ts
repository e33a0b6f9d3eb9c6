import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocks } from '../../domain/gates/judge.ts';
import { readAuthority } from '../../redis/state/authority.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/faults/fault-proxy.ts';
import { documentOn, type FollowingApp, startFollowingApp } from '../support/processes/following-app.ts';
import { ACL, OUR_PASSWORD, PASSWORD } from '../support/servers/migration-users.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';
import { shortPlan } from '../support/worlds/short-plan.ts';
import { losersOn, type StrayWriter, startStrayWriter } from '../support/processes/stray-writer.ts';
import { connectTo } from '../support/servers/redis.ts';

const AT_REST = 600;
const atRest = (i: number) => `match:rest:${i}`;
const LEGACY = 'user legacy on >secret ~match:* &* +@all -@dangerous';
/** The lines of V1's ACL file from before the fence: the app can write. */
const OPEN = [...ACL, LEGACY];
const LONG = { withinMs: 180_000, everyMs: 200 };

describe('what befalls V1 while V2 serves, the app of V1 trying to write all the time', () => {
  /** The proxy between the worker and Temporal, once it is started. */
  let line: FaultProxy | undefined;
  const world = withMigrationWorld({
    durable: true,
    environment: (): Readonly<Record<string, string>> =>
      line ? { TEMPORAL_ADDRESS: `127.0.0.1:${line.port}` } : {},
  });
  let [v1, v2]: Redis[] = [];
  let replica: RedisServer;
  let app: FollowingApp;
  let stray: StrayWriter;

  /** Waits for a look from now on in which no gate blocks. Meanwhile the migration must stay in `watch` and ask no operator. */
  const settled = () => {
    const beganMs = Date.now();
    return eventually(
      'green gates',
      async () => {
        const { gates, phase, outcome, waitingFor, agesMs } = await world.progress();
        expect({ phase, outcome }).toEqual({ phase: 'watch', outcome: null });
        expect(waitingFor.what).not.toBe('resume');
        const lookedSince = agesMs.look !== null && agesMs.look < Date.now() - beganMs;
        return lookedSince && gates.length > 0 && !gates.some(blocks);
      },
      LONG,
    );
  };
  /** Expects V2's value of each key at rest on both sides. */
  const valuesOfV2 = async () => {
    for (const i of Array.from({ length: AT_REST }, (_, n) => n)) {
      expect(await v2?.get(atRest(i))).toBe(`{"jobs":[${i}]}`);
      expect(await v1?.get(atRest(i))).toBe(`{"offers":[${i}]}`);
    }
    return true;
  };
  /** Opens V1 while the worker is stopped, so that V1 stays open until the stray writer has written. */
  const opened = async (open: () => Promise<void>) => {
    const before = stray.acknowledged.size;
    world.worker().kill('SIGSTOP');
    await open();
    await eventually('a write where V1 is open', () => stray.acknowledged.size > before, LONG);
    world.worker().kill('SIGCONT');
    await stray.refused();
  };
  /** Expects that every value that V1 took while it was open is whole in the journal. */
  const takenIsKept = async () => {
    const losers = await losersOn(v1 as Redis);
    for (const value of stray.acknowledged.values()) expect(losers).toContain(value);
  };

  beforeAll(async () => {
    v1 = world.admin('v1');
    v2 = world.admin('v2');
    await v1.call('ACL', ['SETUSER', ...LEGACY.split(' ').slice(1)]);
    await v1.call('ACL', ['SAVE']);
    replica = await startRedis({
      dir: join(world.dir.path, 'replica'),
      acl: ACL,
      config: { replicaof: `127.0.0.1 ${world.server('v1').port}`, masterauth: OUR_PASSWORD },
    });
    for (let i = 0; i < AT_REST; i++) await v1.set(atRest(i), `{"offers":[${i}]}`);
    app = startFollowingApp({ source: world.app('v1'), target: world.app('v2') }, 20);
    const plan = shortPlan(join(world.dir.path, 'plan.yaml'), ['complete']);
    const started = await world.jday('start', '--plan', plan, '--day', '1s');
    expect(started.code, started.stderr).toBe(0);
    await world.inPhase('watch');
    await eventually('writes on V2', () => app.counts.target > 100, LONG);
    stray = startStrayWriter(
      world.app('v1'),
      Array.from({ length: AT_REST }, (_, i) => atRest(i)),
    );
  });
  afterAll(async () => {
    await stray?.stop();
    await app?.stop();
    await replica?.stop();
    await line?.stop();
  });

  test('V1 is restarted: its fence was saved, and it takes no write at all (L1, L8)', async () => {
    await stray.refused();
    await world.restart('v1');
    await stray.refused();
    await settled();
    expect(stray.acknowledged.size).toBe(0);
  });

  test.each([
    ['is restarted with the users of before the fence', () => world.restart('v1', OPEN)],
    ['loads the users of before the fence', () => world.loadUsers('v1', OPEN)],
  ])(
    'V1 %s: it is fenced again, and what it took meanwhile goes over nothing, is whole in the journal, and is told (L1, L2)',
    async (_what, open) => {
      await opened(open);
      await settled();
      await eventually('V1 to have the values of V2 again', valuesOfV2, LONG);
      await takenIsKept();
      const metrics = await (await fetch(`http://${world.metricsAddress()}/metrics`)).text();
      expect(metrics).toMatch(/jday_link_strays_total\{link="v1"\} [1-9]/);
      expect(metrics).toMatch(/jday_fence_raised_again_total\{store="v1"\} [1-9]/);
    },
  );

  describe('the worker cannot reach Temporal', () => {
    beforeAll(async () => {
      line = await startFaultProxy(Number(world.temporalAddress().split(':')[1]));
      // Ends and starts the worker as an operator does. The next worker takes up the work.
      await world.endWorker();
      await world.startWorker();
      await settled();
      line.set({ kind: 'black hole' });
      await eventually(
        'the worker to give Temporal up',
        () => world.output.join('').includes('this goes on without it'),
        LONG,
      );
    });
    afterAll(() => line?.set({ kind: 'none' }));

    test('the sync goes on with the stores alone (L8)', async () => {
      const count = app.counts.target;
      await eventually('writes on V2', () => app.counts.target > count + 100, LONG);
      const [key = '', number = 0] = [...app.acknowledged][0] ?? [];
      await eventually('a write of V2 on V1', async () => {
        const there = await v1?.get(key);
        return Number(/"n":(\d+)/.exec(there ?? '')?.[1]) >= number;
      });
    });

    test('V1 loads the users of before the fence: it is fenced again, and nothing of V2 is written over (L1, L2)', async () => {
      await opened(() => world.loadUsers('v1', OPEN));
      await eventually('V1 to have the values of V2 again', valuesOfV2, LONG);
    });

    test('V1 is restarted with the users of before the fence: it is fenced again (L1)', async () => {
      await opened(() => world.restart('v1', OPEN));
    });

    test('Temporal is back: nothing of V2 was written over, and what V1 took is in the journal (L2, L8)', async () => {
      line?.set({ kind: 'none' });
      await settled();
      await eventually('V1 to have the values of V2 again', valuesOfV2, LONG);
      await takenIsKept();
    });
  });

  test('a client whom the plan does not name writes: gate and progress name it, and no value of V2 is written over (L1, L2, L12)', async () => {
    const legacy = await connectTo(world.server('v1').port, {
      username: 'legacy',
      password: 'secret',
      enableReadyCheck: false,
    });
    const key = atRest(AT_REST - 1);
    await legacy.set(key, '{"offers":["of a stranger"]}');
    const told = await eventually(
      'the progress to name it',
      async () => {
        const { code, stdout } = await world.jday('progress');
        return code === 0 && /gate writers red: .*legacy on v1/.exec(stdout)?.[0];
      },
      LONG,
    );
    expect(told).not.toContain('match:');
    await eventually('V1 to have the values of V2 again', valuesOfV2, LONG);
    expect(await losersOn(world.admin('v1'))).toContain('{"offers":["of a stranger"]}');
    legacy.disconnect();
    await settled();
  });

  test('a replica of V1 is promoted at another address: the app can write nothing there (L1)', async () => {
    const login = { username: 'app', password: PASSWORD, enableReadyCheck: false };
    const promoted = await connectTo(replica.port, { password: OUR_PASSWORD });
    await promoted.call('REPLICAOF', ['NO', 'ONE']);
    const there = await connectTo(replica.port, login);
    for (let i = 0; i < 20; i++) await expect(there.set(atRest(i), 'x')).rejects.toThrow(/NOPERM/);
    expect(await there.get(atRest(1))).toBe('{"offers":[1]}');
    expect(await readAuthority(promoted)).toMatchObject({ side: 'target' });
    there.disconnect();
    promoted.disconnect();
    await settled();
  });

  test('a worker is killed beside values in quarantine: nothing goes back by itself, and the migration completes when they are gone (L7, L8, L11)', async () => {
    const verified = async () => {
      const text = await v2?.get('jday:supersmartmatch:verify:v1');
      return text ? (JSON.parse(text) as { passes: number; pass: { remembered: boolean } | null }) : null;
    };
    const unfit = Array.from({ length: 15 }, (_, i) => `match:unfit:${i}`);
    for (const key of unfit) await world.app('v2').set(key, '{"offers":[1],"offres":[2]}');
    const quarantined = async () => {
      const { gates, outcome } = await world.progress();
      expect(outcome).toBeNull();
      return gates.find(({ name }) => name === 'quarantine')?.value === unfit.length;
    };
    await eventually('the quarantine', quarantined, LONG);
    await world.killWorker();
    await world.startWorker();
    await eventually('a first look', quarantined, LONG);
    const { passes = 0 } = (await verified()) ?? {};
    await eventually('three whole passes', async () => ((await verified())?.passes ?? 0) > passes + 3, LONG);
    expect(await quarantined()).toBe(true);
    expect(await readAuthority(world.admin('v2'))).toEqual({ side: 'target', epoch: 2 });
    await world.app('v2').del(...unfit);
    await settled();
    const approved = await world.jday('approve', 'complete', '--reason', 'all is well');
    expect(approved.code, approved.stderr).toBe(0);
    expect(await world.handle().result()).toMatchObject({ outcome: 'completed', authority: 'target' });
    await app.stop();
    for (const [key, n] of app.acknowledged) expect(await v2?.get(key)).toBe(documentOn('target', n));
    await stray.refused();
  });
});
