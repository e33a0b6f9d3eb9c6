import { DefaultLogger, Runtime } from '@temporalio/worker';

/**
 * Makes the Temporal library of this process say errors only. A process can set this once, before it first connects as a
 * worker. Test files share processes, so an earlier file may have done it.
 */
export function quietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'IllegalStateError')) throw error;
  }
}
