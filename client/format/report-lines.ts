import { showDuration } from '../../domain/duration.ts';
import type { Report, SwitchReport } from '../../domain/report.ts';

/** The report of an ended migration as an operator reads it. */
export function reportLines(report: Report): readonly string[] {
  const { migration, outcome, reason, authority, sync, sessions, integrity, cleared } = report;
  const tookMs = Date.parse(report.endedAt) - Date.parse(report.startedAt);
  return [
    `${migration}: ${outcome}${reason === null ? '' : ` (${reason})`} after ${showDuration(tookMs)}`,
    `  serves now  ${authority === 'source' ? 'V1' : 'V2'}, epoch ${report.epoch}`,
    `  phases      ${report.phases.map(({ phase, durationMs }) => `${phase} ${showDuration(durationMs)}`).join(' · ')}`,
    `  sync        ${sync.keys} keys, ${sync.carriedToTarget} carried to V2, ${sync.carriedToSource} carried back, ${sync.conflicts} conflicts, ${sync.quarantined} in quarantine`,
    `  sessions    ${sessions.live} live, ${sessions.migrated} migrated, ${sessions.lost} lost`,
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
