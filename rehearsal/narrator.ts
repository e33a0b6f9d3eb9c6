import { progressWatch } from '../client/format/progress-watch.ts';
import type { Seen } from '../client/migrations.ts';
import type { Terminal } from '../client/terminal.ts';
import { showDuration } from '../domain/duration.ts';

export type Narrator = {
  say(line: string): void;
  /** Says `what` once the work is done, and how long it took. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** One live line; each new phase stays as a line of its own. */
  show(seen: Seen): void;
};

export function createNarrator(terminal: Terminal): Narrator {
  const watch = progressWatch(terminal);
  let phase = '';
  const began = performance.now();
  return {
    say: terminal.note,
    step: async (what, work) => {
      const from = performance.now();
      const done = await work();
      terminal.note(`${what} (${showDuration(performance.now() - from)})`);
      return done;
    },
    show: (seen) => {
      watch(seen);
      if (seen.progress.phase === phase) return;
      phase = seen.progress.phase;
      if (terminal.interactive)
        terminal.note(
          `${seen.progress.day.padEnd(4)} ${phase} (after ${showDuration(performance.now() - began)})`,
        );
    },
  };
}
