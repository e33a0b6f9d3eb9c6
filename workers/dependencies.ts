import { WorkflowNotFoundError } from '@temporalio/client';
import type { Dependencies, Recorder } from '../activities/dependencies.ts';
import { workflowIdOf } from '../workflows/names.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import type { TemporalLink } from './temporal.ts';

/** The real world of the activities: this process' environment, its metrics, its Temporal. */
export function dependenciesOf(temporal: TemporalLink, record: Recorder): Dependencies {
  return {
    environment: process.env,
    record,
    searchAttributes: () => registerSearchAttributes(temporal),
    isRunning: (migration) => isRunning(temporal, migration),
    retentionMs: () => retentionMs(temporal),
  };
}

async function isRunning({ client }: TemporalLink, migration: string): Promise<boolean> {
  try {
    return (await client.workflow.getHandle(workflowIdOf(migration)).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function retentionMs({ connection, namespace }: TemporalLink): Promise<number | null> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    const seconds = config?.workflowExecutionRetentionTtl?.seconds;
    return seconds === undefined || seconds === null ? null : Number(seconds) * 1_000;
  } catch {
    return null; // Not allowed to ask: unknown, and the check says so.
  }
}
