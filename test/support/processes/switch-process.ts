import type { FencingToken } from '../../../domain/authority/fencing-token.ts';
import type { Plan, Side } from '../../../domain/plan/plan.ts';
import type { Environment } from '../../../redis/client/connection.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';

/**
 * Makes switches of authority in a process of its own, as a worker does. It receives orders over IPC, gives itself a
 * signal when it reaches a step, and reports how each switch ended. `startSwitchProcess` runs it.
 */

export type SwitchOrder = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly to: Side;
  readonly token: FencingToken;
  readonly replyMs?: number;
  /** The process gives itself the signal before this step. */
  readonly trap?: { readonly step: string; readonly signal: 'SIGKILL' | 'SIGSTOP' };
};
export type SwitchWord =
  | { readonly kind: 'at'; readonly step: string }
  /** `null` = the switch is done; else name and message of the error that ended it. */
  | { readonly kind: 'ended'; readonly ended: string | null };

function say(word: SwitchWord): Promise<void> {
  return new Promise((resolve) => void process.send?.(word, () => resolve()));
}

async function run({ trap, ...order }: SwitchOrder): Promise<void> {
  const report = async (step: string) => {
    if (trap?.step !== step) return;
    await say({ kind: 'at', step });
    process.kill(process.pid, trap.signal);
  };
  const error: unknown = await switchAuthority({ ...order, report }).then(
    () => null,
    (cause: unknown) => cause,
  );
  const ended =
    error === null ? null : error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  await say({ kind: 'ended', ended });
}

process.on('disconnect', () => process.exit(0));
process.on('message', (order: SwitchOrder) => void run(order));
