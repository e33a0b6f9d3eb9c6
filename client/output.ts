import type { Check } from '../domain/run/check.ts';
import type { Gate } from '../domain/gates/gate.ts';
import { type Progress, progressLine } from '../domain/run/progress.ts';
import type { SeenProgress } from './told-progress.ts';
import { showDuration } from '../domain/plan/duration.ts';
import type { Report, SwitchReport } from '../domain/run/report.ts';
import type { Terminal } from './terminal.ts';

/** Checks as text for an operator: first every alert with its remedy, then every red check, then the count. */
export function checkLines(checks: readonly Check[]): readonly string[] {
  const alerts = checks.filter((check) => check.verdict === 'alert');
  const reds = redChecks(checks);
  const counts = `${checks.length} checks: ${checks.length - alerts.length - reds.length} green, ${alerts.length} alert, ${reds.length} red`;
  return [...alerts.map(checkLine), ...reds.map(checkLine), counts];
}

export function redChecks(checks: readonly Check[]): readonly Check[] {
  return checks.filter((check) => check.verdict === 'red');
}

function checkLine({ verdict, name, subject, found, expected, remedy }: Check): string {
  return `${verdict} ${name} (${subject}): expected ${expected}, found ${found}. Remedy: ${remedy}`;
}

/** Progress as text for an operator: the progress line first, then only what needs attention. */
export function progressLines({ progress, silence }: SeenProgress): readonly string[] {
  const { waitingFor, paused, goingBack, throttled, lastFailure, gates, outcome } = progress;
  const until = waitingFor.until === undefined ? '' : ` until ${waitingFor.until}`;
  return [
    progressLine(progress),
    ...(silence === null ? [] : [`  ${silence}`]),
    ...(outcome === null ? [] : [`  ended: ${outcome}`]),
    ...(waitingFor.what === 'nothing' || outcome !== null
      ? []
      : [`  waits for ${waitingFor.what}${until}: ${waitingFor.why}`]),
    ...(goingBack === null ? [] : [`  ${goingBackWords(progress)}: ${goingBack.reason} (${goingBack.by})`]),
    ...(paused === null ? [] : [`  paused by ${paused.by}: ${paused.reason}`]),
    ...(throttled === null ? [] : [`  slowed down: ${throttled}`]),
    ...(lastFailure === null || lastFailure === silence ? [] : [`  last failure: ${lastFailure}`]),
    ...gates.filter((gate) => gate.verdict !== 'green').map(gateLine),
  ];
}

function goingBackWords({ outcome }: Progress): string {
  return outcome === null ? 'goes back' : 'went back';
}

function gateLine({ name, verdict, value, limit, reason, waivable }: Gate): string {
  const found = value === null ? '' : `${value}, `;
  const offer = waivable ? `; if that is all right here: jday waive ${name} --reason "…"` : '';
  return `  gate ${name} ${verdict}: ${found}limit ${limit} (${reason}${offer})`;
}

/** The report of an ended migration as text for an operator. */
export function reportLines(report: Report): readonly string[] {
  const { migration, outcome, reason, authority, sync, sessions, integrity, cleared } = report;
  const tookMs = Date.parse(report.endedAt) - Date.parse(report.startedAt);
  return [
    `${migration}: ${outcome}${reason === null ? '' : ` (${reason})`} after ${showDuration(tookMs)}`,
    `  serves now  ${authority === 'source' ? 'V1' : 'V2'}, epoch ${report.epoch}`,
    `  phases      ${report.phases.map(({ phase, durationMs }) => `${phase} ${showDuration(durationMs)}`).join(' · ')}`,
    `  sync        ${sync.keys} keys, ${sync.carriedToTarget} carried to V2, ${sync.carriedToSource} carried back, ${sync.conflicts} conflicts, ${sync.quarantined} in quarantine`,
    `  sessions    ${sessions.live ?? 'unknown'} live, ${sessions.migrated ?? 'unknown'} migrated, ${sessions.lost ?? 'unknown'} lost`,
    `  integrity   ${integrity === null ? 'never measured' : `${integrity} %`}`,
    ...switchLines('cutover', report.cutover),
    ...switchLines('rollback', report.rollback),
    ...(cleared === null
      ? []
      : [`  V2 cleared  ${cleared.deleted} deleted, ${cleared.restored} put back, ${cleared.kept} kept`]),
    ...report.backups.map(
      ({ id, proven }) => `  backup      ${id}, ${proven ? 'proven by restore' : 'NOT proven'}`,
    ),
    ...report.approvals.map(({ gate, by, reason: why }) => `  approved    ${gate} by ${by}: ${why}`),
    ...(report.waivers ?? []).map(
      ({ gate, by, reason: why }) => `  waived      gate ${gate} by ${by ?? 'the plan'}: ${why}`,
    ),
    ...report.undone
      .filter(({ problem }) => problem !== null)
      .map(({ step, problem }) => `  NOT UNDONE  ${step}: ${problem}`),
  ];
}

function switchLines(name: string, report: SwitchReport | null): readonly string[] {
  if (report === null) return [];
  const { fencedMs, verified, attempts } = report;
  const blocked = `writes blocked for ${showDuration(fencedMs)}`;
  return [
    `  ${name.padEnd(11)} ${blocked}, ${verified} keys verified under the fence, ${attempts} attempt(s)`,
  ];
}

/**
 * Without a terminal a progress line is printed after this time, ms; or sooner, when the phase or the authority
 * changes, or when a worker begins or ceases to answer.
 */
const QUIET_MS = 10_000;

/**
 * @returns a function that shows one progress after the other. A terminal gets one line that changes, anything else a
 *   log with few lines
 */
export function progressWatch(terminal: Terminal): (seen: SeenProgress) => void {
  let last = { key: '', waits: '', atMs: 0 };
  return ({ progress, silence }) => {
    const waits = silence ?? waitingFor(progress);
    if (waits !== last.waits && waits !== '') terminal.note(waits);
    const key = [progress.phase, progress.authority, silence === null].join(' ');
    const nowMs = performance.now();
    if (terminal.interactive || key !== last.key || nowMs - last.atMs >= QUIET_MS) {
      terminal.repaint(progressLine(progress));
      last = { key, waits, atMs: nowMs };
    }
    last = { ...last, waits };
  };
}

/** @returns what a person has to do; '' = nothing. Waits that end by themselves are left out */
function waitingFor({ waitingFor: { what, gate, why }, goingBack, outcome }: Progress): string {
  if (what === 'approval') return `waits for a decision: jday approve ${gate} (${why})`;
  if (what === 'resume') return `waits for jday resume (${why})`;
  if (goingBack !== null && outcome === null) return `goes back: ${goingBack.reason} (${goingBack.by})`;
  return '';
}
