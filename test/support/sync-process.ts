/**
 * A sync in a process of its own, as a worker holds one: told over IPC what to run and where to stop itself, tells
 * what it comes to. An attempt that ends is followed by the next one, as the activity's retries do. Run by `startSyncProcess`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../../redis/connection.ts';
import type { Patience } from '../../redis/sync/patience.ts';
import type { Step } from '../../redis/sync/step.ts';
import { runSync } from '../../redis/sync/sync.ts';

/**
 * The signal that the process gives itself when it comes to the step. `followed`: it will go on, and attempts follow
 * the one that was stopped; otherwise others have taken over meanwhile.
 */
export type Trap = {
  readonly step: Step;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly followed?: boolean;
};
export type Order =
  | {
      readonly kind: 'run';
      readonly plan: Plan;
      readonly environment: Environment;
      readonly patience?: Patience;
    }
  | { readonly kind: 'trap'; readonly trap: Trap };
export type Word =
  | { readonly kind: 'ready' }
  | { readonly kind: 'status'; readonly status: LinkStatus }
  | { readonly kind: 'at'; readonly step: Step }
  /** Name and message of the failure that ended an attempt. */
  | { readonly kind: 'ended'; readonly name: string };

const RETRY_MS = 100;
let trap: Trap | null = null;
let stopped = false;

function say(word: Word): Promise<void> {
  return new Promise((resolve) => void process.send?.(word, () => resolve()));
}

async function reached(step: Step): Promise<void> {
  if (trap?.step !== step) return;
  const { signal, followed = false } = trap;
  trap = null;
  stopped = !followed;
  await say({ kind: 'at', step });
  process.kill(process.pid, signal);
}

async function run({ plan, environment, patience }: Extract<Order, { kind: 'run' }>): Promise<void> {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const report = (status: LinkStatus) => void say({ kind: 'status', status });
  const options = { plan, link, environment, report, reached, ...(patience && { patience }) };
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
