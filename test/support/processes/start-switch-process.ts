import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { eventually } from '../eventually.ts';
import { forkProgram } from './fork-program.ts';
import type { SwitchOrder, SwitchWord } from './switch-process.ts';

const REST_MS = 20;
const ATTEMPTS = 5;

export interface SwitchProcess {
  /**
   * Begins a switch. The switch before must have ended. Resolves when the process has reached the step of its trap.
   *
   * On a busy machine a switch may exceed the fence budget before. Then the old side is open again, and the switch is
   * tried once more, as the workflow does.
   *
   * @param order returns the order for an attempt. Each has a token of its own
   */
  reach(order: () => SwitchOrder): Promise<void>;
  /** Resolves when the process has ended. */
  exited(): Promise<void>;
  /** Lets a stopped process go on. Resolves when its switch has ended: `null` = done, else the error. */
  goOn(): Promise<string | null>;
}

/** Starts the process. It ends with the test, if not before. */
export function startSwitchProcess({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): SwitchProcess {
  const child = forkProgram('switch-process');
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  let said: SwitchWord[] = [];
  child.on('message', (word: SwitchWord) => said.push(word));
  const heard = <K extends SwitchWord['kind']>(kind: K) => {
    const find = () =>
      said.find((word) => word.kind === kind) as Extract<SwitchWord, { kind: K }> | undefined;
    return eventually(`the switch to say “${kind}”`, find, { everyMs: 5 });
  };
  return {
    reach: async (order) => {
      for (let attempt = 1; ; attempt++) {
        said = [];
        child.send(order());
        const first = await eventually('the step of its trap', () => said[0], { everyMs: 5 });
        if (first.kind === 'at') return;
        const late = first.ended?.startsWith('CutoverTooSlow: ') === true && attempt < ATTEMPTS;
        if (!late) throw new Error(`it ended before its trap: ${first.ended ?? 'done'}`);
      }
    },
    exited: async () => void (await exit),
    goOn: async () => {
      const ended = heard('ended');
      let over = false;
      const done = () => {
        over = true;
      };
      ended.then(done, done);
      // Send it again and again. The first signal may come before the process has stopped itself.
      while (!over) {
        child.kill('SIGCONT');
        await Promise.race([ended, delay(REST_MS)]);
      }
      return (await ended).ended;
    },
  };
}
