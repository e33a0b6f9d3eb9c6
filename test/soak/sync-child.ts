/** The sync of one shard in a process of its own, to be killed -9 and stopped. Run by `ChildSync`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../domain/plan.ts';
import { shardsOfPlan } from '../../domain/shard.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../../redis/connection.ts';
import type { Step } from '../../redis/sync/step.ts';
import { runSync } from '../../redis/sync/sync.ts';

export type Order = { readonly plan: Plan; readonly shard: string; readonly environment: Environment };
export type Word =
  | { readonly kind: 'ready' }
  /** `attempt` counts within this process. */
  | { readonly kind: 'step'; readonly attempt: number; readonly step: Step }
  | { readonly kind: 'status'; readonly status: LinkStatus }
  | { readonly kind: 'ended'; readonly attempt: number; readonly error: string };

const RETRY_MS = 20;
/** Steps that somebody waits for. */
const TOLD: ReadonlySet<Step> = new Set(['feed open', 'scan target', 'scanned']);
const say = (word: Word) => void process.send?.(word);

async function run({ plan, shard: name, environment }: Order): Promise<void> {
  const shard = shardsOfPlan(plan).find((one) => one.name === name);
  if (!shard) throw new Error('the plan has no such shard');
  const { link } = shard;
  for (let attempt = 1; ; attempt++) {
    const report = (status: LinkStatus) => say({ kind: 'status', status });
    const reached = (step: Step) => (TOLD.has(step) ? say({ kind: 'step', attempt, step }) : undefined);
    const error: unknown = await runSync(
      { plan, link, shard, environment, report, reached },
      new AbortController().signal,
    ).catch((cause: unknown) => cause);
    const { name: kind, message } = error instanceof Error ? error : new Error(String(error));
    say({ kind: 'ended', attempt, error: `${kind}: ${message}` });
    // A newer attempt is at work: as the activity does, this one is over for good.
    if (kind === 'LeaseLost') return process.disconnect();
    await delay(RETRY_MS);
  }
}

process.on('disconnect', () => process.exit(0));
process.once('message', (order: Order) => void run(order));
say({ kind: 'ready' });
