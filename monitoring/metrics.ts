import { Registry } from 'prom-client';
import type { Progress } from '../domain/progress.ts';
import type { BackupSummary, SwitchReport } from '../domain/report.ts';
import type { Side } from '../domain/side.ts';
import type { ImpactStatus, LinkStatus, VerifyStatus } from '../domain/status.ts';
import { addBackupFamily } from './families/backup.ts';
import { addImpactFamily } from './families/impact.ts';
import { addLinkFamily } from './families/link.ts';
import { addMigrationFamily } from './families/migration.ts';
import { addProcessFamily } from './families/process.ts';
import { addSwitchFamily } from './families/switch.ts';
import { addTrafficFamily, type TrafficDirection } from './families/traffic.ts';
import { addVerifyFamily } from './families/verify.ts';

/** What this worker process knows, in the words of its statuses, and the same as Prometheus reads it. */
export type Metrics = {
  link(status: LinkStatus): void;
  verified(status: VerifyStatus): void;
  impact(status: ImpactStatus): void;
  switched(report: SwitchReport, budgetMs: number): void;
  progress(progress: Progress): void;
  backingUp(running: boolean): void;
  backup(summary: BackupSummary): void;
  /** Bytes that our own connections have moved. */
  traffic(side: Side, direction: TrafficDirection, bytes: number): void;
  /** The text of `/metrics`. */
  exposition(): Promise<string>;
  readonly contentType: string;
};

/**
 * Metrics with a registry of their own. Base units; labels are names from the plan, never a key or a value (L12).
 * docs/monitoring.md says what each number means.
 */
export function createMetrics(nowMs: () => number = Date.now): Metrics {
  const registry = new Registry();
  const links = addLinkFamily(registry, nowMs);
  const migration = addMigrationFamily(registry, nowMs);
  const metrics = {
    link: links.record,
    verified: addVerifyFamily(registry, nowMs),
    impact: addImpactFamily(registry, nowMs),
    switched: addSwitchFamily(registry, nowMs),
    progress(progress: Progress) {
      migration(progress);
      if (progress.outcome !== null) links.end();
    },
    ...addBackupFamily(registry, nowMs),
    traffic: addTrafficFamily(registry),
    exposition: () => registry.metrics(),
    contentType: registry.contentType,
  };
  addProcessFamily(registry);
  return metrics;
}
