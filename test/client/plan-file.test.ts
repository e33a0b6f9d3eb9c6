import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan, PlanProblems } from '../../client/plan-file.ts';
import { shippedPlan } from '../../client/options.ts';

const SHIPPED = readFileSync(shippedPlan(), 'utf8');
const SMALL = `migration: small
stores:
  - { name: v1, side: source, url: redis://v1 }
  - { name: v2, side: target, url: redis://v2 }
datasets:
  - name: matches
    from: v1
    patterns: ['match:*']
    role: cache
`;

function problems(text: string, environment: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    parsePlan(text, environment, 'p.yaml');
  } catch (error) {
    if (error instanceof PlanProblems) return error.lines;
    throw error;
  }
  return [];
}

describe('the shipped plan', () => {
  it('is good as it is, with the limits of the original', () => {
    const plan = parsePlan(SHIPPED, {}, 'p.yaml');
    expect(plan).toMatchObject({
      migration: 'supersmartmatch',
      jDay: { inDays: 7 },
      timeline: { startDay: -7, readinessDay: -1, windowDays: 7 },
      dayMs: 86_400_000,
      mode: 'bidirectional',
      gates: {
        lagP99Ms: 100,
        integrityPercent: 100,
        sessionsLost: 0,
        cacheHitsKeptPercent: 95,
        holdMs: 300_000,
      },
      triggers: { integrityPercent: 95, sessionsLost: 0, lagP99Ms: 1_000, lagForMs: 120_000 },
      approvals: { readiness: 'manual', cutover: 'manual', complete: 'manual' },
      files: [],
    });
  });

  it('covers every row of the original, V2 keys of its own left out', () => {
    const { datasets } = parsePlan(SHIPPED, {}, 'p.yaml');
    const owned = datasets.flatMap(({ from, patterns }) => patterns.map((pattern) => `${from} ${pattern}`));
    expect(owned).toEqual(
      expect.arrayContaining([
        'v1 match:*',
        'v1 candidate:*',
        'v1 session:*',
        'v1 metrics:*',
        'nexten metrics:*',
      ]),
    );
    expect(datasets.find(({ name }) => name === 'matches')?.excludes).toContain('match:result:*');
    expect(datasets.filter(({ joins }) => joins === 'jday').map(({ name }) => name)).toEqual(['sessions']);
  });

  it('keeps store URLs as references, whatever the environment holds (L12)', () => {
    const environment = { SOURCE_V1: 'redis://jday:hunter2@elsewhere:6379/0' };
    const plan = parsePlan(SHIPPED, environment, 'p.yaml');
    expect(plan.stores[0]?.url).toBe('${SOURCE_V1:-redis://v1-redis:6379}');
    expect(JSON.stringify(plan)).not.toContain('hunter2');
  });

  it('reads the names of the original from the environment', () => {
    const environment = {
      SYNC_MODE: 'forward',
      TRANSFORM_FORMAT: 'none',
      V1_APP_USERS: 'matcher, gateway',
      NEXTEN_MODELS: '/models',
      BACKUP_DIR: '/safe',
    };
    const plan = parsePlan(SHIPPED, environment, 'p.yaml');
    expect(plan.mode).toBe('forward');
    expect(new Set(plan.datasets.map(({ transform }) => transform))).toEqual(new Set(['none']));
    expect(plan.stores[0]?.appUsers).toEqual(['matcher', 'gateway']);
    expect(plan.files).toEqual([{ name: 'nexten-models', from: '/models' }]);
    expect(plan.backup.directory).toBe('/safe');
  });
});

describe('a plan with errors', () => {
  it('tells all of them at once, each with its place', () => {
    const text = `migration: Big Move
mode: \${SYNC_MODE}
day: forever
stores:
  - name: v1
    side: source
    url: redis://jday:hunter2@v1
    appUser: x
  - { name: v1, side: sink, url: redis://v2 }
datasets:
  - name: matches
    from: v3
    patterns: []
gates: { hold: 5 }
`;
    const lines = problems(text, { SYNC_MODE: 'sideways' });
    expect(lines).toEqual([
      'p.yaml:1:12 migration: expected a name of 1 to 40 characters out of a-z, 0-9 and -, found "Big Move"',
      'p.yaml:2:7 mode: expected bidirectional or forward, found "sideways" from SYNC_MODE',
      'p.yaml:3:6 day: expected a duration above zero such as 24h or 3s, found "forever"',
      'p.yaml:5:3 stores: expected exactly one store with side target, found 0',
      'p.yaml:7:10 stores[0].url: expected the password as ${NAME}, because everybody who sees the history sees the plan, found a literal password',
      'p.yaml:8:5 stores[0].appUser: expected a known field, nearest appUsers, found "appUser"',
      'p.yaml:9:13 stores[1].name: expected a name used once, stores[0] has it, found "v1"',
      'p.yaml:9:23 stores[1].side: expected source or target, found "sink"',
      'p.yaml:11:5 datasets[0].role: expected cache or sessions or metrics or config or model-state, found nothing',
      'p.yaml:12:11 datasets[0].from: expected the name of a source store (v1), found "v3"',
      'p.yaml:13:15 datasets[0].patterns: expected a list of key patterns, at least one, found an empty list',
      'p.yaml:14:16 gates.hold: expected a duration such as 24h, 5m, 90s or 500ms, found 5',
    ]);
    expect(lines.join()).not.toContain('hunter2');
  });

  it('is not read on after a syntax error, which has a place too', () => {
    expect(problems('a: [1\nb: 2\n')).toEqual([
      expect.stringMatching(/^p\.yaml:2:1 plan: expected YAML, found an error in it: /),
    ]);
    expect(problems('a: 1\na: 2\n')).toEqual([expect.stringMatching(/^p\.yaml:2:1 plan: .*unique/)]);
  });

  it('may be empty', () => {
    expect(problems('')).toEqual([
      'p.yaml:1:1 plan: expected a mapping of migration, stores, datasets and more, found nothing',
    ]);
  });

  it('says which variable is not set', () => {
    expect(problems(`${SMALL}mode: \${SYNC_MODE}\n`)).toEqual([
      'p.yaml:10:7 mode: expected SYNC_MODE in the environment, or a default as in ${SYNC_MODE:-default}, found SYNC_MODE not set',
    ]);
  });

  it('gives no V2 key two owners', () => {
    const other = "  - { name: others, from: v1, patterns: ['mat*'], role: cache }\n";
    expect(problems(SMALL + other)).toEqual([
      expect.stringMatching(
        /^p\.yaml:10:5 datasets\[1\]: expected each key with one owner .* matches and others /,
      ),
    ]);
  });

  it.each([
    ['jDay: { in: 7d, at: 2026-12-01T06:00:00Z }', '10:7 jDay: expected either in or at, found both'],
    ['jDay: {}', '10:7 jDay: expected either in or at, found neither'],
    ['timeline: { start: J-1, readiness: J-2 }', '10:11 timeline: expected start before readiness'],
    ['traffic: [{}]', '10:11 traffic[0]: expected either webhook or command, found neither'],
    [
      'traffic: [{ webhook: "http://u:hunter2@x/" }]',
      '10:22 traffic[0].webhook: expected an http:// or https:// URL',
    ],
    ['backup: here', '10:9 backup: expected a mapping of directory and retentionDays, found "here"'],
    ['zzz: 1', '10:1 zzz: expected one of migration, jDay, '],
  ])('%s is told', (line, expected) => {
    const lines = problems(`${SMALL}${line}\n`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`p.yaml:${expected}`);
    expect(lines[0]).not.toContain('hunter2');
  });
});

describe('a field with nothing behind it', () => {
  it('means its default', () => {
    const plan = parsePlan(`${SMALL}gates:\ntraffic:\n`, {}, 'p.yaml');
    expect(plan.gates.lagP99Ms).toBe(100);
    expect(plan.traffic).toEqual([]);
  });
});
