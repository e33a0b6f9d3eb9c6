import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { quietRuntime } from '../support/servers/quiet-runtime.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Outlasting } from '../../activities/outlasting.ts';
import { createMetrics } from '../../monitoring/metrics.ts';
import { dependenciesOf } from '../../workers/dependencies.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/faults/fault-proxy.ts';
import { withTemporal } from '../support/servers/temporal.ts';

/** One attempt of the activity. */
type Attempt = {
  readonly context: Context;
  readonly signal: AbortSignal;
  /** Temporal's answers to the question whether the attempt is wanted. */
  readonly told: boolean[];
  /** Ends the work, as when the stores refuse it because a later attempt has the lease. */
  readonly refused: AbortController;
};
const BEAT_MS = 100;

describe('an activity that outlasts Temporal', () => {
  const temporal = withTemporal();
  const attempts: Attempt[] = [];
  let line: FaultProxy;
  let connection: NativeConnection;
  let worker: Worker;
  let running: Promise<void>;
  let stopping: AbortController;
  let handle: WorkflowHandle;
  /** Whether an attempt begins work that goes on when it fails. */
  let keeps: boolean;
  const ours = () =>
    attempts.filter(({ context }) => context.info.workflowExecution?.workflowId === handle.workflowId);
  const latest = () => ours().at(-1) as Attempt;

  beforeAll(async () => {
    quietRuntime();
    line = await startFaultProxy(Number(temporal.address.split(':')[1]));
    connection = await NativeConnection.connect({ address: `127.0.0.1:${line.port}` });
    const link = { connection, client: new Client({ connection }), namespace: 'default' };
    const hold = async () => {
      const context = Context.current();
      const { isWanted } = dependenciesOf(link, createMetrics(), {
        stopping: stopping.signal,
        stopped: stopping.signal,
        allowance: { variables: [], programs: [], writable: [], readable: [] },
      });
      const one = { context, told: [] as boolean[], refused: new AbortController() };
      const asked: typeof isWanted = async (attempt) => {
        const wanted = await isWanted(attempt);
        one.told.push(wanted);
        return wanted;
      };
      const end = new Outlasting(context, { isWanted: asked, stopping: stopping.signal });
      attempts.push({ ...one, signal: end.signal });
      const work = (async () => {
        for (; !end.signal.aborted && !one.refused.signal.aborted; await delay(BEAT_MS)) context.heartbeat();
      })();
      end.attempt(work);
      if (keeps) end.beyond(once(end.signal, 'abort'));
      await work;
      if (keeps) throw new Error('a sync that failed');
      if (context.cancellationSignal.aborted) await context.cancelled;
    };
    worker = await Worker.create({
      connection,
      taskQueue: 'outlasting',
      workflowsPath: fileURLToPath(new URL('./holding-workflow.ts', import.meta.url)),
      activities: { hold },
      maxHeartbeatThrottleInterval: BEAT_MS,
    });
    running = worker.run();
  });
  afterAll(async () => {
    worker.shutdown();
    await running;
    await connection.close();
    await line.stop();
  });
  beforeEach(async ({ task }) => {
    stopping = new AbortController();
    keeps = task.name.startsWith('the work beyond');
    handle = await temporal.client.workflow.start('holding', {
      workflowId: task.id,
      taskQueue: 'outlasting',
    });
    await eventually('the activity', () => ours().length > 0);
    return async () => {
      line.set({ kind: 'none' });
      await handle.terminate().catch(() => undefined);
      for (const { refused } of attempts) refused.abort();
    };
  });

  /** Waits until the SDK has cancelled the attempt: Temporal has given it up, or does not answer. */
  const givenUp = (one: Attempt) =>
    eventually('it to be given up', () => one.context.cancellationSignal.aborted);
  /** Blocks the line to Temporal and waits until the SDK has cancelled the attempt. */
  const cutOff = async (): Promise<Attempt> => {
    const one = latest();
    line.set({ kind: 'black hole' });
    await givenUp(one);
    expect(one.context.cancellationDetails).toMatchObject({ timedOut: true });
    return one;
  };
  const goesOnWhenAsked = async (one: Attempt) => {
    await eventually('Temporal to say that it is wanted', () => one.told.length > 0);
    expect(one.told).not.toContain(false);
    expect(one.signal.aborted).toBe(false);
  };

  test('ends at once when its workflow cancels it', async () => {
    const one = latest();
    await handle.cancel();
    await eventually('its end', () => one.signal.aborted);
    await expect(handle.result()).rejects.toThrow();
  });

  test('goes on when nothing comes back, and until the stores refuse it; then nobody asks any more (L8)', async () => {
    const one = await cutOff();
    line.set({ kind: 'none' });
    await goesOnWhenAsked(one);
    await eventually('a later attempt', () => ours().length > 1);
    one.refused.abort();
    const { length } = one.told;
    await eventually('a beat of the later attempt', async () => {
      const { raw } = await handle.describe();
      return (raw.pendingActivities?.[0]?.attempt ?? 0) > one.context.info.attempt;
    });
    expect(one.told.length).toBeLessThanOrEqual(length + 1);
    expect(one.signal.aborted).toBe(false);
  });

  test('goes on when Temporal is back and has given it up meanwhile (L8)', async () => {
    const one = latest();
    line.set({ kind: 'cut' });
    await eventually(
      'Temporal to give it up',
      async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastFailure,
    );
    line.set({ kind: 'none' });
    await givenUp(one);
    await goesOnWhenAsked(one);
  });

  test('ends when Temporal answers again and its run was terminated meanwhile', async () => {
    const one = await cutOff();
    await handle.terminate('meanwhile');
    line.set({ kind: 'none' });
    await eventually('its end', () => one.signal.aborted);
  });

  test('the work beyond an attempt that failed goes on while its run does, and ends when that was terminated (L1)', async () => {
    const one = latest();
    one.refused.abort();
    await goesOnWhenAsked(one);
    await handle.terminate('meanwhile');
    await eventually('its end', () => one.signal.aborted);
  });

  test('ends with the process where Temporal is away, and else by the SDK alone', async () => {
    const one = await cutOff();
    expect(one.signal.aborted).toBe(false);
    stopping.abort();
    expect(one.signal.aborted).toBe(true);
  });

  test('is not ended by the end of the process before the SDK cancels it: it would pass for done', async () => {
    const one = latest();
    stopping.abort();
    expect(one.signal.aborted).toBe(false);
  });
});
