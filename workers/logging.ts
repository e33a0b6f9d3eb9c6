import { pino } from 'pino';
import { DefaultLogger, makeTelemetryFilterString, Runtime, type RuntimeOptions } from '@temporalio/worker';
import { tellable } from '../activities/failures.ts';

/** Makes the log of a worker: one line of JSON for each message, on stdout. */
export function createLog(): pino.Logger {
  return pino({ base: null, redact: ['*.url', '*.password'] });
}

/**
 * Sends all messages of the Temporal SDK to our log. Without `forward` the native part of the SDK writes lines of its
 * own format to the console, and a reader of our log could not parse them.
 */
export function installRuntime(log: pino.Logger, shutdownSignals: readonly NodeJS.Signals[]): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  const options: RuntimeOptions = {
    logger: new DefaultLogger('WARN', ({ level, message, meta = {} }) =>
      log[levels[level]](safeFields(meta), message),
    ),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    },
    shutdownSignals: [...shutdownSignals],
  };
  Runtime.install(options);
}

/**
 * Ends the native part of the SDK. It ends by itself with its last connection. If there was none, its log would keep the
 * process alive.
 */
export function endRuntime(): Promise<void> {
  return Runtime.instance().shutdown();
}

/**
 * Fields of a message of the SDK that hold no key, no value and no address. All others are left out, because an error
 * object of the SDK holds stack and cause, and a cause may quote what a server has said.
 */
const SAFE = [
  'sdkComponent',
  'target',
  'activityType',
  'activityId',
  'attempt',
  'workflowType',
  'workflowId',
  'workflowRunId',
  'taskQueue',
  'durationMs',
  'why',
] as const;

function safeFields(meta: Readonly<Record<string | symbol, unknown>>): Readonly<Record<string, unknown>> {
  const told = SAFE.filter((name) => ['string', 'number'].includes(typeof meta[name]));
  const fields = Object.fromEntries(told.map((name) => [name, meta[name]]));
  return meta['error'] === undefined ? fields : { ...fields, failure: tellable(meta['error']) };
}
