/** Runs the sync of one shard in a process of its own, so that `ChildSync` can stop it or kill it with `kill -9`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../domain/keys/shard.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import type { Environment } from '../../redis/client/connection.ts';
import type { FaultPoint } from '../../redis/replication/reconcile/fault-points.ts';
import { runSync } from '../../redis/replication/replicator.ts';

export type Order = { readonly plan: Plan; readonly shard: string; readonly environment: Environment };
export type Word =
  | { readonly kind: 'ready' }
  /** `attempt` is numbered from 1 in each process. */
  | { readonly kind: 'step'; readonly attempt: number; readonly step: FaultPoint }
  | { readonly kind: 'status'; readonly status: LinkStatus }
  | { readonly kind: 'ended'; readonly attempt: number; readonly error: string };

const RETRY_MS = 20;
/** The steps that the parent process waits for. */
const TOLD: ReadonlySet<FaultPoint> = new Set(['feed open', 'scan target', 'scanned']);
const say = (word: Word) => void process.send?.(word);

async function run({ plan, shard: name, environment }: Order): Promise<void> {
  const shard = shardsOfPlan(plan).find((one) => one.name === name);
  if (!shard) throw new Error('the plan has no such shard');
  const { link } = shard;
  for (let attempt = 1; ; attempt++) {
    const report = (status: LinkStatus) => say({ kind: 'status', status });
    const reached = (step: FaultPoint) => (TOLD.has(step) ? say({ kind: 'step', attempt, step }) : undefined);
    const error: unknown = await runSync(
      { plan, link, shard, environment, report, reached },
      new AbortController().signal,
    ).catch((cause: unknown) => cause);
    const { name: kind, message } = error instanceof Error ? error : new Error(String(error));
    say({ kind: 'ended', attempt, error: `${kind}: ${message}` });
    // A newer attempt holds the lease. So this process ends and does not try again.
    if (kind === 'LeaseLost') return process.disconnect();
    await delay(RETRY_MS);
  }
}

process.on('disconnect', () => process.exit(0));
process.once('message', (order: Order) => void run(order));
say({ kind: 'ready' });
