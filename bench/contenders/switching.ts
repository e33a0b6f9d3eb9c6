import { setTimeout as delay } from 'node:timers/promises';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { switchAuthority } from '../../redis/switch/switch-authority.ts';
import type { AllVerified } from '../../redis/verify/verify-all.ts';
import { connectTo } from '../connection.ts';
import { benchPlan, environmentOf } from '../plan.ts';
import type { VerifierInput } from '../processes/verifier.ts';
import type { Stage, StagedServer } from '../stage.ts';
import { until } from '../until.ts';
import { begin, claim, endSync, openSync, settled } from './jday.ts';
import { replicate } from './native.ts';

/** A pair in sync whose authority can be moved. */
export type Switchable = {
  /** How an app logs in on each side, and how it learns who serves. */
  readonly urls: Readonly<Record<'source' | 'target', string>>;
  readonly follow: 'record' | 'retry';
  move(to: 'source' | 'target'): Promise<void>;
  end(): Promise<void>;
};

const USER = 'bench-app';
const PASSWORD = 'bench';

/** Ours: the sync in its process, the switch as the worker runs it, the apps' users fenced by ACL. */
export async function jdaySwitchable(
  stage: Stage,
  source: StagedServer,
  target: StagedServer,
): Promise<Switchable> {
  for (const { redis } of [source, target])
    await redis.call('ACL', ['SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all']);
  await claim(source, target);
  const plan = benchPlan('none', { appUser: USER });
  const environment = environmentOf(source, target);
  const sync = await openSync(stage);
  begin(sync, plan, source, target);
  await settled(sync);
  await verifyOnce(stage, { plan, environment }, target);
  const login = { user: USER, password: PASSWORD };
  return {
    urls: { source: source.server.url(login), target: target.server.url(login) },
    follow: 'record',
    move: async (to) =>
      void (await switchAuthority({ plan, environment, to, token: Date.now(), report: () => undefined })),
    end: () => endSync(stage, sync),
  };
}

/** A cutover begins only after a clean pass; what was carried before it need not be read again under the fence. */
async function verifyOnce(stage: Stage, input: VerifierInput, target: StagedServer): Promise<void> {
  const cleanSince = Date.now();
  const verifier = stage.process<VerifierInput, never, AllVerified>('verifier');
  await verifier.ready;
  verifier.begin(input);
  const { compared, diverged } = await verifier.result;
  if (compared === 0 || diverged > 0) throw new Error('the pass before the cutover was not clean');
  await target.redis.set(keyspaceOf(input.plan.migration).verify('v1'), JSON.stringify({ cleanSince }));
  // The sync reads it with its next beat.
  await delay(1_500);
}

/** Native: FAILOVER hands the role to the replica when it has everything; the old master follows it. */
export async function nativeSwitchable(source: StagedServer, target: StagedServer): Promise<Switchable> {
  await replicate(source, target);
  const sides = { source, target };
  return {
    urls: { source: source.server.url(), target: target.server.url() },
    follow: 'retry',
    move: async (to) => {
      const from = sides[to === 'source' ? 'target' : 'source'];
      const redis = await connectTo(from.server.url());
      await until('the replica to be listed', async () =>
        (await redis.info('replication')).includes('state=online'),
      );
      await redis.call('FAILOVER', ['TO', '127.0.0.1', String(sides[to].server.port), 'TIMEOUT', '10000']);
      await until(
        'the failover',
        async () => {
          const info = await redis.info('replication');
          return info.includes('role:slave') && info.includes('master_link_status:up');
        },
        { everyMs: 2 },
      );
      redis.disconnect();
    },
    end: () => Promise.resolve(),
  };
}
