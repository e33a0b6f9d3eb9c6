import { type Command, Redis } from 'ioredis';
import { linksOf, type Plan } from '../../../domain/plan/plan.ts';
import { wholeOf } from '../../../domain/keys/shard.ts';
import type { Environment } from '../../../redis/client/connection.ts';
import { keepFenceOf } from '../../../redis/fence/fence-keeper.ts';

/**
 * A fence keeper in a process of its own. It receives orders over IPC and reports the result of each look. It stops
 * itself before one of its commands. `startKeeperProcess` runs it.
 */

export type KeeperOrder = {
  readonly plan: Plan;
  readonly environment: Environment;
  /**
   * The number of the command before which it stops itself, from 1, counted over all connections. Commands in a row
   * with the same name and first argument count as one.
   */
  readonly stopBefore: number;
};
export type KeeperWord =
  /** A look has ended. */
  | { readonly kind: 'looked'; readonly raised: boolean; readonly failed: string | null }
  | { readonly kind: 'ended' };

let [sent, stopBefore, before] = [0, Number.POSITIVE_INFINITY, ''];
const { sendCommand } = Redis.prototype;
Redis.prototype.sendCommand = function (this: Redis, command: Command, ...rest) {
  const word = `${command.name} ${String(command.args[0])}`;
  if (word !== before && ++sent === stopBefore) process.kill(process.pid, 'SIGSTOP');
  before = word;
  return sendCommand.call(this, command, ...rest);
};

const say = (word: KeeperWord) => void process.send?.(word);
let running = new AbortController();

async function keep({ plan, environment, ...order }: KeeperOrder): Promise<void> {
  [sent, stopBefore, before] = [0, order.stopBefore, ''];
  running = new AbortController();
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const keeping = { plan, environment, shard: wholeOf(link), token: 1 };
  await keepFenceOf(
    {
      ...keeping,
      told: (renewals, failed) =>
        say({
          kind: 'looked',
          raised: renewals.some(({ raised }) => raised),
          failed: failed === undefined ? null : String(failed),
        }),
    },
    running.signal,
  );
  say({ kind: 'ended' });
}

process.on('disconnect', () => process.exit(0));
process.on('message', (order: KeeperOrder | 'stop') => {
  if (order === 'stop') running.abort();
  else void keep(order);
});
