/**
 * Switches of authority in a process of its own, as a worker runs them: told over IPC what to do, gives itself a signal
 * when it comes to a step, and says how each ended. Run by `startSwitchProcess`.
 */
import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import type { Environment } from '../../redis/connection.ts';
import { switchAuthority } from '../../redis/switch/switch-authority.ts';

export type SwitchOrder = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly to: Side;
  readonly token: number;
  readonly replyMs?: number;
  /** The step before which the process gives itself the signal. */
  readonly trap?: { readonly step: string; readonly signal: 'SIGKILL' | 'SIGSTOP' };
};
export type SwitchWord =
  | { readonly kind: 'at'; readonly step: string }
  /** `null` = the switch is done; else name and message of what ended it. */
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
