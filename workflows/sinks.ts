import { proxySinks, type Sinks } from '@temporalio/workflow';
import type { Progress } from '../domain/progress.ts';

export interface ProgressSinks extends Sinks {
  metrics: { progress(progress: Progress): void };
}

/** Numbers for the worker's /metrics; best effort, no event in history. */
export const { metrics } = proxySinks<ProgressSinks>();
