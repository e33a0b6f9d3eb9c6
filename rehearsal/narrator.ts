import { progressWatch } from '../client/format/progress-watch.ts';
import type { Seen } from '../client/migrations.ts';
import type { Terminal } from '../client/terminal.ts';
import { showDuration } from '../domain/duration.ts';

export type Narrator = {
  say(line: string): void;
  /** Says `what` once the work is done, and how long it took. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** One live line; each new phase, and each new set of gates that hold it up, stays as a line of its own. */
  show(seen: Seen): void;
};

export function createNarrator(terminal: Terminal): Narrator {
  const watch = progressWatch(terminal);
  const began = performance.now();
  const after = () => `after ${showDuration(performance.now() - began)}`;
  let told = { phase: '', held: '' };
  return {
    say: terminal.note,
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

function heldBy({ progress: { waitingFor, gates } }: Seen): string {
  if (waitingFor.what !== 'gates') return '';
  const closed = gates.filter(({ verdict }) => verdict === 'red' || verdict === 'unknown');
  return closed.length === 0
    ? waitingFor.why
    : closed.map(({ name, verdict }) => `${name} ${verdict}`).join(', ');
}
