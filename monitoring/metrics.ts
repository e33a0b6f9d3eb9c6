import { Registry } from 'prom-client';
import type { Progress } from '../domain/run/progress.ts';
import type { BackupSummary, SwitchReport } from '../domain/run/report.ts';
import type { Side } from '../domain/plan/plan.ts';
import type { ImpactStatus, LinkStatus, VerifyStatus } from '../domain/gates/status.ts';
import { addBackupFamily } from './families/backup.ts';
import { addFenceFamily, addFenceLookFamily } from './families/fence.ts';
import { addImpactFamily } from './families/impact.ts';
import { addLinkFamily } from './families/link.ts';
import { addMigrationFamily } from './families/migration.ts';
import { addProcessFamily } from './families/process.ts';
import { addSwitchFamily } from './families/switch.ts';
import { addTrafficFamily, type TrafficDirection } from './families/traffic.ts';
import { addVerifyFamily } from './families/verify.ts';

/** Takes the statuses of this worker process, and shows them in the format of Prometheus. */
export type Metrics = {
  link(status: LinkStatus): void;
  verified(status: VerifyStatus): void;
  /** `limitPercent`: the impact that the plan allows. */
  impact(status: ImpactStatus, limitPercent: number): void;
  /** `budgetMs`: how long the plan lets a switch block writes, ms. */
  switched(report: SwitchReport, budgetMs: number): void;
  progress(progress: Progress): void;
  backingUp(running: boolean): void;
  backup(summary: BackupSummary): void;
  /** Bytes that our own connections have moved since the last call. */
  traffic(side: Side, direction: TrafficDirection, bytes: number): void;
  /**
   * `times`: 1 = an app user could write on a fenced store, and the fence was raised again. 0 = this store is watched
   * from now on.
   */
  fenceRaised(store: string, times: 0 | 1): void;
  /**
   * The fence keeper of that link. `judged`: a check could say which side serves and whether the other side is fenced.
   * `ended`: no check follows.
   */
  fenceLook(link: string, came: 'judged' | 'ended'): void;
  /** @returns the text of `/metrics` */
  exposition(): Promise<string>;
  readonly contentType: string;
};

/**
 * Creates metrics with a registry of their own. They show ages and not timestamps, because Prometheus would compare a
 * timestamp with the clock of its own machine. They use base units. Labels are names from the plan, never a key or a
 * value. docs/monitoring.md explains every number.
 *
 * @param nowMs a clock that never jumps, ms
 */
export function createMetrics(nowMs: () => number = () => performance.now()): Metrics {
  const registry = new Registry();
  const links = addLinkFamily(registry, nowMs);
  const fences = addFenceLookFamily(registry, nowMs);
  const migration = addMigrationFamily(registry, nowMs);
  const metrics = {
    link: links.record,
    verified: addVerifyFamily(registry, nowMs),
    impact: addImpactFamily(registry, nowMs),
    switched: addSwitchFamily(registry, nowMs),
    progress(progress: Progress) {
      migration(progress);
      if (progress.outcome === null) return;
      links.end();
      fences.end();
    },
    ...addBackupFamily(registry, nowMs),
    traffic: addTrafficFamily(registry),
    fenceRaised: addFenceFamily(registry),
    fenceLook: fences.look,
    exposition: () => registry.metrics(),
    contentType: registry.contentType,
  };
  addProcessFamily(registry);
  return metrics;
}
