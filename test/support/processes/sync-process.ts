import { setTimeout as delay } from 'node:timers/promises';
import { linksOf, type Plan } from '../../../domain/plan/plan.ts';
import { type Shard, wholeOf } from '../../../domain/keys/shard.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import type { Environment } from '../../../redis/client/connection.ts';
import type { Timeouts } from '../../../redis/replication/store/connections.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { machineMs } from '../machine-ms.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { keepFenceOf } from '../../../redis/fence/fence-keeper.ts';

/**
 * Runs a sync in a process of its own, as a worker does. It receives over IPC what to run and where to stop itself, and
 * reports what it reaches. When an attempt ends, the next one begins, as with the retries of the activity.
 * `startSyncProcess` runs it.
 */

/**
 * The signal that the process gives itself when it reaches the step. `followed`: the process goes on later and begins
 * further attempts. Otherwise another process has taken over, and this one begins no further attempt.
 */
export type Trap = {
  readonly step: FaultPoint;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly followed?: boolean;
};
export type Order =
  | {
      readonly kind: 'run';
      readonly plan: Plan;
      readonly environment: Environment;
      readonly patience?: Timeouts;
      /** The process also keeps the fence, as a worker does. */
      readonly keeps?: boolean;
    }
  | { readonly kind: 'trap'; readonly trap: Trap };
export type Word =
  | { readonly kind: 'ready' }
  /** `atMs`: ms of the monotonic clock that all processes of the machine share. */
  | { readonly kind: 'status'; readonly status: LinkStatus; readonly atMs: number }
  | { readonly kind: 'at'; readonly step: FaultPoint }
  /** Name and message of the failure that ended an attempt. */
  | { readonly kind: 'ended'; readonly name: string };

const RETRY_MS = 100;
let trap: Trap | null = null;
let stopped = false;

function say(word: Word): Promise<void> {
  return new Promise((resolve) => void process.send?.(word, () => resolve()));
}

async function reached(step: FaultPoint): Promise<void> {
  if (trap?.step !== step) return;
  const { signal, followed = false } = trap;
  trap = null;
  stopped = !followed;
  await say({ kind: 'at', step });
  process.kill(process.pid, signal);
}

let keeping = new AbortController();

/**
 * Starts the fence keeper of a new attempt, which has the lease now. It ends the keeper of the attempt before. When an
 * attempt fails, its keeper goes on until then.
 */
function keep(shard: Shard, plan: Plan, environment: Environment, token: number): void {
  keeping.abort();
  keeping = new AbortController();
  const told = () => undefined;
  void keepFenceOf({ plan, shard, environment, token, told }, keeping.signal);
}

async function run({ plan, environment, patience, keeps }: Extract<Order, { kind: 'run' }>): Promise<void> {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const report = (status: LinkStatus) => void say({ kind: 'status', status, atMs: machineMs() });
  const leased = (token: number) => {
    if (keeps) keep(wholeOf(link), plan, environment, token);
  };
  const options = { plan, link, environment, report, leased, reached, ...(patience && { patience }) };
  do {
    const failed: unknown = await runSync(options, new AbortController().signal).catch(
      (error: unknown) => error,
    );
    await say({
      kind: 'ended',
      name: failed instanceof Error ? `${failed.name}: ${failed.message}` : String(failed),
    });
    await delay(RETRY_MS);
  } while (!stopped);
}

process.on('disconnect', () => process.exit(0));
process.on('message', (order: Order) => {
  if (order.kind === 'trap') trap = order.trap;
  else void run(order);
});
await say({ kind: 'ready' });
