import { proxyActivities } from '@temporalio/workflow';

const { hold } = proxyActivities<{ hold(): Promise<void> }>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '1s',
  retry: { initialInterval: '100ms', maximumInterval: '100ms' },
});

/** Waits for one activity, which the test ends. */
export async function holding(): Promise<void> {
  await hold();
}
