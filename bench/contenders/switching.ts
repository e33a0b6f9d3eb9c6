import { setTimeout as delay } from 'node:timers/promises';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { readDated } from '../../redis/state/dated-record.ts';
import { switchAuthority } from '../../redis/cutover/switch-authority.ts';
import type { AllVerified } from '../../redis/verify/verifier.ts';
import { connectTo } from '../connection.ts';
import { benchPlan, benchEnvironment } from '../plan.ts';
import type { VerifierInput } from '../processes/verifier.ts';
import type { Stage, StagedServer } from '../stage.ts';
import { until } from '../until.ts';
import { begin, claimForBench, endSync, openSync, settled } from './jday.ts';
import { replicate } from './native.ts';

/** Two servers in sync. `move` moves the authority between them. */
export type Switchable = {
  /** The addresses with which an app logs in. `follow` is how it learns which side serves. */
  readonly urls: Readonly<Record<'source' | 'target', string>>;
  readonly follow: 'record' | 'retry';
  move(to: 'source' | 'target'): Promise<void>;
  end(): Promise<void>;
};

const USER = 'bench-app';
const PASSWORD = 'bench';

/**
 * Our pair. The sync runs in its own process, the switch runs as in the worker, and an ACL fences the user of the apps.
 */
export async function jdaySwitchable(
  stage: Stage,
  source: StagedServer,
  target: StagedServer,
): Promise<Switchable> {
  for (const { redis } of [source, target])
    await redis.call('ACL', ['SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all']);
  await claimForBench(source, target);
  const plan = benchPlan('none', { appUser: USER });
  const environment = benchEnvironment(source, target);
  const sync = await openSync(stage);
  begin(sync, plan, source, target);
  await settled(sync);
  await verifyOnce(stage, { plan, environment }, target);
  const login = { user: USER, password: PASSWORD };
  let moves = 0;
  return {
    urls: { source: source.server.url(login), target: target.server.url(login) },
    follow: 'record',
    move: async (to) =>
      void (await switchAuthority({
        plan,
        environment,
        to,
        token: { number: ++moves, attempt: 1 },
        report: () => undefined,
      })),
    end: () => endSync(stage, sync),
  };
}

/**
 * Makes the clean pass that a cutover needs. Keys that were replicated before the pass are then not read again under
 * the fence.
 */
async function verifyOnce(stage: Stage, input: VerifierInput, target: StagedServer): Promise<void> {
  const keyspace = keyspaceOf(input.plan.migration);
  const from = (await readDated<LinkStatus>(target.redis, keyspace.status('v1')))?.moments ?? {};
  const verifier = stage.process<VerifierInput, never, AllVerified>('verifier');
  await verifier.ready;
  verifier.begin(input);
  const { compared, diverged } = await verifier.result;
  if (compared === 0 || diverged > 0) throw new Error('the pass before the cutover was not clean');
  await target.redis.set(
    keyspace.verify('v1'),
    JSON.stringify({ clean: { from }, pass: { keys: compared } }),
  );
  // The sync reads this status with its next heartbeat.
  await delay(1_500);
}

/**
 * The replication of Redis itself. FAILOVER makes the replica the master once it has received everything. The old
 * master then follows it.
 */
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
