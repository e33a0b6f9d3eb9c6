import { progressWatch } from '../client/output.ts';
import type { SeenProgress } from '../client/told-progress.ts';
import type { Terminal } from '../client/terminal.ts';
import { showDuration } from '../domain/plan/duration.ts';

export type Narrator = {
  /** Prints a text of one or more lines. */
  say(text: string): void;
  /** Does the work, then prints `what` and how long it took. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
  /**
   * Shows the progress as one live line. A new phase, and a new set of gates that hold the migration up, stay as lines
   * of their own.
   */
  show(seen: SeenProgress): void;
};

export function createNarrator(terminal: Terminal): Narrator {
  const watch = progressWatch(terminal);
  const began = performance.now();
  const after = () => `after ${showDuration(performance.now() - began)}`;
  let told = { phase: '', held: '' };
  return {
    say: (text) => {
      for (const line of text.split('\n')) terminal.note(line);
    },
    step: async (what, work) => {
      const from = performance.now();
      const done = await work();
      terminal.note(`${what} (${showDuration(performance.now() - from)})`);
      return done;
    },
    show: (seen) => {
      const { phase, day } = seen.progress;
      const held = heldBy(seen);
      if (terminal.interactive && phase !== told.phase)
        terminal.note(`${day.padEnd(4)} ${phase} (${after()})`);
      if (held !== told.held && held !== '') terminal.note(`     held by ${held} (${after()})`);
      told = { phase, held };
      watch(seen);
    },
  };
}

function heldBy({ progress: { waitingFor, gates } }: SeenProgress): string {
  if (waitingFor.what !== 'gates') return '';
  const closed = gates.filter(({ verdict }) => verdict === 'red' || verdict === 'unknown');
  return closed.length === 0
    ? waitingFor.why
    : closed.map(({ name, verdict }) => `${name} ${verdict}`).join(', ');
}
