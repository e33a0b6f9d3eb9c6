import type { ApplicationFailure } from '@temporalio/activity';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../activities/failures.ts';

const failureOf = (message: string) => toFailure(new Error(message)) as ApplicationFailure;

describe('what a node says of slots that are not its own', () => {
  test.each([
    'MOVED 4711 10.1.2.3:7001',
    'ASK 4711 10.1.2.3:7001',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'CLUSTERDOWN Hash slot not served',
    'ERR Script attempted to access a non local key in a cluster node script: 5f, on @user_script:7.',
  ])('is a change of the cluster to be tried again, without an address (L8, L12): %s', (message) => {
    const failure = failureOf(message);
    expect(failure.type).toBe('ClusterChanged');
    expect(failure.nonRetryable).toBe(false);
    expect(failure.message).not.toMatch(/10\.1\.2\.3/);
  });

  test('stands in the reason of a failed switch without an address (L12)', () => {
    expect(failureOf('step verify: MOVED 4711 10.1.2.3:7001').message).toBe('step verify: MOVED 4711');
  });
});
