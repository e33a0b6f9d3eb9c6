import type { Gate } from '../../domain/gate.ts';
import { progressLine } from '../../domain/progress-line.ts';
import type { Seen } from '../migrations.ts';

/** Progress as an operator reads it: the line, then only what needs a look. */
export function progressLines({ progress, byWorker }: Seen): readonly string[] {
  const { waitingFor, paused, throttled, lastFailure, gates, outcome } = progress;
  const until = waitingFor.until === undefined ? '' : ` until ${waitingFor.until}`;
  return [
    progressLine(progress),
    ...(byWorker ? [] : [`  ${waitingFor.why}`]),
    ...(outcome === null ? [] : [`  ended: ${outcome}`]),
    ...(waitingFor.what === 'nothing' || outcome !== null
      ? []
      : [`  waits for ${waitingFor.what}${until}: ${waitingFor.why}`]),
    ...(paused === null ? [] : [`  paused by ${paused.by}: ${paused.reason}`]),
    ...(throttled === null ? [] : [`  slowed down: ${throttled}`]),
    ...(lastFailure === null ? [] : [`  last failure: ${lastFailure}`]),
    ...gates.filter((gate) => gate.verdict !== 'green').map(gateLine),
  ];
}

function gateLine({ name, verdict, value, limit, reason }: Gate): string {
  return `  gate ${name} ${verdict}: ${value ?? 'unknown'}, limit ${limit} (${reason})`;
}
