import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { outsideProgress } from '../domain/outside-progress.ts';
import type { Progress } from '../domain/progress.ts';
import type { Report } from '../domain/report.ts';
import type { LinkStatus, VerifyStatus } from '../domain/status.ts';
import { SEARCH_ATTRIBUTES, workflowIdOf } from '../workflows/names.ts';
import { endedHow, isRunning } from './ended.ts';

/** Progress without a worker: search attributes and the heartbeats of the long activities, or the result. */
export async function describedProgress(
  description: WorkflowExecutionDescription,
  result: () => Promise<Report>,
): Promise<Progress> {
  const running = isRunning(description);
  const why = running
    ? 'no worker answers, this is what Temporal itself knows'
    : await endedHow(description, result);
  const seen = outsideProgress({
    migration: description.workflowId.slice(workflowIdOf('').length),
    phase: running ? attribute(description, SEARCH_ATTRIBUTES.phase) : 'ended',
    authority: attribute(description, SEARCH_ATTRIBUTES.authority),
    day: attribute(description, SEARCH_ATTRIBUTES.day),
    syncs: heartbeats(description).filter(isLinkStatus),
    verifies: heartbeats(description).filter(isVerifyStatus),
    why,
  });
  if (description.status.name === 'COMPLETED') return ofReport(seen, await result());
  return running ? seen : { ...seen, lastFailure: why };
}

function ofReport(seen: Progress, report: Report): Progress {
  return {
    ...seen,
    authority: report.authority,
    percent: report.outcome === 'completed' ? 100 : 0,
    sessions: report.sessions,
    integrity: report.integrity,
    lastFailure: report.reason,
    outcome: report.outcome,
  };
}

function attribute(description: WorkflowExecutionDescription, name: string): string | undefined {
  const value = description.typedSearchAttributes.getAll().find((pair) => pair.key.name === name)?.value;
  return typeof value === 'string' ? value : undefined;
}

function heartbeats(description: WorkflowExecutionDescription): readonly unknown[] {
  const activities = description.raw.pendingActivities ?? [];
  return activities.flatMap((activity) => (activity.heartbeatDetails?.payloads ?? []).map(decoded));
}

function decoded(payload: Payload): unknown {
  return defaultPayloadConverter.fromPayload(payload);
}

function isLinkStatus(value: unknown): value is LinkStatus {
  return hasFields(value, 'link', 'lagMs', 'carried', 'copied');
}

function isVerifyStatus(value: unknown): value is VerifyStatus {
  return hasFields(value, 'link', 'settled', 'equal', 'sessions');
}

function hasFields(value: unknown, ...fields: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && fields.every((field) => field in value);
}
