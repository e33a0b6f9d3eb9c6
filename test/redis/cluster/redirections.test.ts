import type { ApplicationFailure } from '@temporalio/activity';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../../activities/failures.ts';

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

describe('what a server or a socket says', () => {
  test.each([
    [
      "ERR unknown command 'FOO', with args beginning with: 'session:anna' 'hunter2' ",
      "ERR unknown command 'FOO'",
    ],
    ['cannot reach rediss+sentinel://u:hunter2@a:1,b:2/m/0 now', 'cannot reach rediss+sentinel://… now'],
    ['POST https://router/?token=hunter2 failed', 'POST https://… failed'],
    ['connect ECONNREFUSED 10.1.2.3:6379', 'connect ECONNREFUSED'],
    ['getaddrinfo ENOTFOUND v1.internal.example', 'getaddrinfo ENOTFOUND'],
    ['connect EHOSTUNREACH fe80::1:6379', 'connect EHOSTUNREACH'],
    ['read ECONNRESET', 'read ECONNRESET'],
    ['the master is at 10.1.2.3:7001 now', 'the master is at … now'],
    ['the master is at [2001:db8::7]:7001 now', 'the master is at … now'],
    ['Redis 7.0.15 and Valkey 9.1.2 at 12:30:05', 'Redis 7.0.15 and Valkey 9.1.2 at 12:30:05'],
  ])('goes into the history without keys, values and addresses (L12): %s', (message, told) => {
    expect(failureOf(message).message).toBe(told);
  });
});
