import type { BackupSummary, SwitchReport } from '../../../domain/run/report.ts';
import type { Metrics } from '../../../monitoring/metrics.ts';
import { exampleProgress } from '../plans/example-progress.ts';
import { exampleSnapshot } from '../plans/example-snapshot.ts';

export const CUTOVER: SwitchReport = {
  to: 'target',
  epoch: 2,
  fencedMs: 42,
  steps: [
    { step: 'fence', ms: 12 },
    { step: 'drain', ms: 30 },
  ],
  verified: 250,
  attempts: 1,
};

export const BACKUP: BackupSummary = {
  id: '20261201T060000Z-J-7',
  stores: [{ name: 'v1', keys: 1_000, bytes: 2_000_000, sha256: 'aa' }],
  files: [{ name: 'nexten-models', files: 3, bytes: 500, sha256: 'bb' }],
  proven: true,
  durationMs: 2_500,
};

/** Records everything that a worker of a healthy migration would record now. */
export function feedAll(metrics: Metrics): void {
  const { links, impact } = exampleSnapshot();
  for (const { sync, verify } of links) {
    if (sync) metrics.link(sync);
    if (verify) metrics.verified(verify);
  }
  if (impact) metrics.impact(impact, 5);
  metrics.progress(exampleProgress());
  metrics.switched(CUTOVER, 5_000);
  metrics.backup(BACKUP);
  metrics.traffic('source', 'read', 1_000);
  metrics.traffic('target', 'written', 2_000);
  metrics.fenceRaised('v1', 1);
  metrics.fenceLook('v1', 'judged');
}
