import { proxySinks, type Sinks } from '@temporalio/workflow';
import type { Progress } from '../domain/run/progress.ts';

export interface ProgressSinks extends Sinks {
  metrics: { progress(progress: Progress): void };
}

/** Sends progress to the worker's /metrics. Best effort; adds no event to the history. */
export const { metrics } = proxySinks<ProgressSinks>();
