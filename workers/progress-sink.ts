import type { InjectedSinks } from '@temporalio/worker';
import type { Recorder } from '../activities/dependencies.ts';
import type { ProgressSinks } from '../workflows/sinks.ts';

/** What the workflow knows of itself, for /metrics. Not called on replay: nothing is counted twice. */
export function progressSink(record: Recorder): InjectedSinks<ProgressSinks> {
  return {
    metrics: { progress: { fn: (_info, progress) => record.progress(progress), callDuringReplay: false } },
  };
}
