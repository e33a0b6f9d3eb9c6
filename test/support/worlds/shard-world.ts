import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach } from 'vitest';
import type { Plan } from '../../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../../domain/keys/shard.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import type { Reached } from '../../../redis/replication/reconcile/fault-points.ts';
import { eventually } from '../eventually.ts';
import { forkProgram } from '../processes/fork-program.ts';
import type { Assignment } from '../processes/shard-process.ts';
import { withSyncWorld } from './sync-world.ts';

/** Gives a test file the world of one link. Its shards run in this process or in others. */
export function withShardWorld() {
  const running: { stop: AbortController; done: Promise<void> }[] = [];
  const processes: ChildProcess[] = [];
  // Vitest runs `afterEach` hooks in reverse order. The hook below comes after the world's own, so it runs first, and
  // the syncs end before their servers are emptied.
  const world = withSyncWorld();
  afterEach(async () => {
    for (const { stop } of running) stop.abort();
    await Promise.all(running.splice(0).map(({ done }) => done.catch(() => undefined)));
    await Promise.all(processes.splice(0).map(killed));
  });

  /** Starts one shard in this process. */
  const startShard = async (plan: Plan, name: string, reached?: Reached) => {
    await world.claim();
    const shard = shardsOfPlan(plan).find((one) => one.name === name);
    if (!shard) throw new Error(`the plan has no shard ${name}`);
    const statuses: LinkStatus[] = [];
    const report = (status: LinkStatus) => void statuses.push(status);
    const stop = new AbortController();
    const done = runSync(
      {
        plan,
        link: shard.link,
        shard,
        environment: world.environment(),
        report,
        ...(reached && { reached }),
      },
      stop.signal,
    );
    done.catch(() => undefined);
    running.push({ stop, done });
    const status = () => statuses.at(-1);
    return {
      name,
      status,
      done,
      stop: async () => {
        stop.abort();
        await done;
      },
      live: () => eventually(`${name} to be live`, () => status()?.state === 'live'),
    };
  };

  const startAll = async (plan: Plan) => {
    const shards = await Promise.all(shardsOfPlan(plan).map(({ name }) => startShard(plan, name)));
    await Promise.all(shards.map((shard) => shard.live()));
    return shards;
  };

  /** Starts some shards in a process of their own. */
  const startProcess = (plan: Plan, shards: readonly string[]) => {
    const child = forkProgram('shard-process');
    processes.push(child);
    const statuses = new Map<string, LinkStatus>();
    child.on('message', (status: LinkStatus) => statuses.set(status.shard ?? status.link, status));
    const assignment: Assignment = { plan, environment: world.environment(), shards };
    child.send(assignment);
    return {
      live: () =>
        eventually(`${shards.join()} to be live`, () =>
          shards.every((name) => statuses.get(name)?.state === 'live'),
        ),
      kill: () => killed(child),
    };
  };
  return { ...world, startShard, startAll, startProcess };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
