import type { Progress } from '../../domain/progress.ts';
import { progressLine } from '../../domain/progress-line.ts';
import type { Seen } from '../migrations.ts';
import type { Terminal } from '../terminal.ts';

/** Without a terminal a line is worth printing when something an operator acts on changed, or after this time. */
const QUIET_MS = 10_000;

/** Shows one look after the other: on a terminal as one line that changes, elsewhere as a sparse log. */
export function progressWatch(terminal: Terminal): (seen: Seen) => void {
  let last = { key: '', waits: '', atMs: 0 };
  return ({ progress, byWorker }) => {
    const waits = byWorker ? waitingFor(progress) : progress.waitingFor.why;
    if (waits !== last.waits && waits !== '') terminal.note(waits);
    const key = [progress.phase, progress.authority, byWorker].join(' ');
    const nowMs = performance.now();
    if (terminal.interactive || key !== last.key || nowMs - last.atMs >= QUIET_MS) {
      terminal.repaint(progressLine(progress));
      last = { key, waits, atMs: nowMs };
    }
    last = { ...last, waits };
  };
}

/** Only what somebody has to do: time passes by itself. */
function waitingFor({ waitingFor: { what, gate, why } }: Progress): string {
  if (what === 'approval') return `waits for a decision: jday approve ${gate} (${why})`;
  if (what === 'resume') return `waits for jday resume (${why})`;
  return '';
}
