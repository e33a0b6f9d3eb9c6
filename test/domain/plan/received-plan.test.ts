import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../../client/plan-file.ts';
import { shippedPlan } from '../../../client/options.ts';
import { showPath } from '../../../domain/plan-file/plan-problem.ts';
import { receivedPlan, startProblems } from '../../../domain/plan-file/received-plan.ts';
import { shapeProblem } from '../../../domain/plan/plan-shape.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';

const SHIPPED = parsePlan(readFileSync(shippedPlan(), 'utf8'), { NEXTEN_MODELS: '/models' }, 'p.yaml');
const EXAMPLE = examplePlan({ stores: examplePlan().stores.map((store) => ({ ...store, ignore: [] })) });

/** A plan file with the fields that most plans leave out. */
const FULL = parsePlan(
  `migration: full
shards: 2
stores:
  - name: v1
    side: source
    url: rediss://v1
    tls: { ca: /tls/ca.crt, cert: /tls/our.crt, key: /tls/our.key, servername: redis.internal }
    otherWriters: [cron]
    unfenced: nobody logs in
    fenceMayForget: it is a test
    ignore: ['tmp:*']
  - { name: v2, side: target, url: rediss://v2, cluster: true }
datasets:
  - name: matches
    from: v1
    patterns: ['match:*']
    rename: { from: 'match:*', to: 'result:*' }
    role: cache
files:
  - { name: models, from: /models, to: /v2/models }
gates:
  waive:
    - { gate: impact, reason: nobody feels it }
traffic:
  - webhook: https://router/hook?token=\${TRAFFIC_TOKEN}
  - command: [/usr/local/bin/switch, v2]
`,
  {},
  'full.yaml',
);

const overHistory = (plan: unknown): unknown => JSON.parse(JSON.stringify(plan));

function wrongFields(json: unknown): readonly string[] {
  const read = receivedPlan(json);
  return Array.isArray(read) ? read.map(({ path }) => showPath(path)) : [];
}

describe('a plan from the history', () => {
  it.each<[string, Plan]>([
    ['shipped', SHIPPED],
    ['example', EXAMPLE],
    ['every field that a plan file may have', FULL],
  ])('is read as it was sent: %s', (_which, plan) => {
    expect(receivedPlan(overHistory(plan))).toEqual(plan);
    expect(startProblems(plan)).toEqual([]);
    expect(shapeProblem(overHistory(plan))).toBeNull();
  });

  it('of an older run lacks the newer bounds and is read as it was sent too', () => {
    const { copyKeysPerSecond, verifyKeysPerSecond } = SHIPPED.throttle;
    const { shards: _shards, ...rest } = { ...SHIPPED, throttle: { copyKeysPerSecond, verifyKeysPerSecond } };
    expect(receivedPlan(overHistory(rest))).toEqual(rest);
  });

  it('may leave out what a store, a dataset or a file set may leave out in a file', () => {
    const [store] = SHIPPED.stores;
    const { appUsers: _users, ...bare } = store!;
    const read = receivedPlan({ ...SHIPPED, stores: [bare, ...SHIPPED.stores.slice(1)] }) as Plan;
    expect(read.stores[0]).toEqual({ ...bare, appUsers: [] });
  });

  it.each<[string, (plan: Plan) => unknown, string[]]>([
    ['nothing', () => null, ['plan']],
    ['a text', () => 'plan', ['plan']],
    ['a list', () => [], ['plan']],
    ['a name with a path in it', (plan) => ({ ...plan, migration: '../../etc' }), ['migration']],
    [
      'a file set with a path in its name',
      (plan) => ({ ...plan, files: [{ name: '../x', from: '/m' }] }),
      ['files[0].name'],
    ],
    [
      'a store with a path in its name',
      (plan) => ({ ...plan, stores: [{ ...plan.stores[0], name: 'a/b' }] }),
      ['stores[0].name'],
    ],
    [
      'a number as a folder',
      (plan) => ({ ...plan, backup: { ...plan.backup, directory: 7 } }),
      ['backup.directory'],
    ],
    ['a day without an end', (plan) => ({ ...plan, dayMs: 1e30 }), ['dayMs']],
    ['a day of no length', (plan) => ({ ...plan, dayMs: 0 }), ['dayMs']],
    [
      'limits as texts',
      (plan) => ({ ...plan, gates: { ...plan.gates, fenceBudgetMs: '5s' } }),
      ['gates.fenceBudgetMs'],
    ],
    ['a field that nobody knows', (plan) => ({ ...plan, run: 'rm' }), ['run']],
    [
      'a hook of another kind',
      (plan) => ({ ...plan, traffic: [{ kind: 'eval', code: 'x' }] }),
      ['traffic[0]'],
    ],
    ['too many shards', (plan) => ({ ...plan, shards: 1e9 }), ['shards']],
  ])('is refused when it holds %s, and names the field', (_what, spoiled, fields) => {
    expect(wrongFields(overHistory(spoiled(SHIPPED)))).toEqual(fields);
  });

  it.each<[string, Partial<Plan>, string]>([
    ['a fence budget of zero', { gates: { ...SHIPPED.gates, fenceBudgetMs: 0 } }, 'gates.fenceBudgetMs'],
    ['a trigger that fires at once', { triggers: { ...SHIPPED.triggers, lagForMs: 0 } }, 'triggers.lagForMs'],
    ['an instant that no calendar has', { jDay: { at: '2026-11-31T06:00:00Z' } }, 'jDay.at'],
    [
      'a password',
      { stores: SHIPPED.stores.map((store) => ({ ...store, url: 'redis://u:hunter2@v1' })) },
      'stores[0].url',
    ],
    [
      'two owners of one key',
      { datasets: [...SHIPPED.datasets, { ...SHIPPED.datasets[0]!, name: 'again' }] },
      'datasets[11]',
    ],
    ['no target', { stores: SHIPPED.stores.slice(0, 2) }, 'stores'],
    [
      'a token in a hook',
      { traffic: [{ kind: 'webhook', url: 'https://r/?token=hunter2' }] },
      'traffic[0].url',
    ],
    ['a readiness before the start', { timeline: { ...SHIPPED.timeline, readinessDay: -9 } }, 'timeline'],
  ])('does not start with %s, but goes on with it', (_what, change, field) => {
    const plan = { ...SHIPPED, ...change };
    expect(wrongFields(overHistory(plan))).toEqual([]);
    const problems = startProblems(plan);
    expect(problems.map(({ path }) => showPath(path))).toContain(field);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});

describe('the workflow, before it reads a plan', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'plan: expected a plan, as `npx jday plan --json` prints it'],
    ['a text', 'plan', 'plan: expected a plan, as `npx jday plan --json` prints it'],
    ['an empty mapping', {}, 'plan.migration: expected a name'],
    ['no J-Day', { ...SHIPPED, jDay: null }, 'plan.jDay: expected inDays: 7, or at: 2026-12-01T06:00:00Z'],
    [
      'no instant',
      { ...SHIPPED, jDay: { at: 'soon' } },
      'plan.jDay: expected inDays: 7, or at: 2026-12-01T06:00:00Z',
    ],
    ['no days', { ...SHIPPED, timeline: {} }, 'plan.timeline.startDay: expected a number'],
    ['an endless day', { ...SHIPPED, dayMs: 1e300 }, 'plan.dayMs: expected a number of ms above zero'],
    ['a store that is none', { ...SHIPPED, stores: [null] }, 'plan.stores: expected a list of stores'],
  ])('refuses %s', (_what, plan, problem) => {
    expect(shapeProblem(plan)).toBe(problem);
  });
});
