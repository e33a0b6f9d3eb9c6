import type { Progress } from '../domain/progress.ts';
import type { BackupSummary, SwitchReport } from '../domain/report.ts';
import type { Side } from '../domain/side.ts';
import type { ImpactStatus, LinkStatus, VerifyStatus } from '../domain/status.ts';
import type { Environment } from '../redis/connection.ts';

/** Where activities leave their numbers for /metrics. */
export type Recorder = {
  link(status: LinkStatus): void;
  verified(status: VerifyStatus): void;
  impact(status: ImpactStatus): void;
  /** `budgetMs` = how long the plan lets writes be blocked. */
  switched(report: SwitchReport, budgetMs: number): void;
  progress(progress: Progress): void;
  /** A backup has begun, or ended, however. */
  backingUp(running: boolean): void;
  backup(summary: BackupSummary): void;
  traffic(side: Side, direction: 'read' | 'written', bytes: number): void;
};

/** What the assembly gives to the activities; they read no global thing themselves. */
export type Dependencies = {
  readonly environment: Environment;
  readonly record: Recorder;
  /** Whether our search attributes are known to the server. */
  readonly searchAttributes: () => Promise<boolean>;
  /** Whether the migration of that name has a running workflow. */
  readonly isRunning: (migration: string) => Promise<boolean>;
  /** How long the namespace keeps closed workflows; `null` = cannot be known. */
  readonly retentionMs: () => Promise<number | null>;
};
