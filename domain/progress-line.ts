import { showDuration } from './duration.ts';
import type { Progress } from './progress.ts';

/**
 * The line an operator reads at 3 a.m. (design §10). What is not known is called unknown, and nothing is rounded
 * up to 100 % (L7).
 */
export function progressLine(progress: Progress): string {
  const { day, phase, authority, sync, sessions, integrity, impactPercent } = progress;
  return [
    `${day} ${phase}`,
    `authority ${authority === 'source' ? 'V1' : 'V2'}`,
    `copy ${sync.total === 0 ? 0 : Math.min(100, Math.floor((100 * sync.copied) / sync.total))} %`,
    `lag p99 ${sync.lagMs.p99 === null ? 'unknown' : `${Math.round(sync.lagMs.p99)} ms`}`,
    `integrity ${integrity === null ? 'unknown' : `${Math.floor(integrity * 100) / 100} %`}`,
    `sessions ${grouped(sessions.live)} live, ${grouped(sessions.lost)} lost`,
    `impact ${impactPercent === null ? 'unknown' : `${Math.round(impactPercent * 10) / 10} %`}`,
    `way back: ${wayBack(progress.rollback)}`,
  ].join(' · ');
}

function wayBack({ lossless, estimateMs, writesAtRisk }: Progress['rollback']): string {
  const estimate = estimateMs === null ? '' : `, ~${showDuration(estimateMs)}`;
  if (lossless) return `lossless${estimate}`;
  return writesAtRisk === null
    ? 'not known to be lossless'
    : `not ready, ${grouped(writesAtRisk)} writes at risk`;
}

/** Groups of three digits: 41 210. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}
