import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../client/plan-file.ts';
import { shippedPlan } from '../../client/options.ts';
import { planProblems as problems, SMALL } from '../support/plans/small-plan.ts';

const SHIPPED = readFileSync(shippedPlan(), 'utf8');
/** A minute of another core's work is no reason to fail. Without the quick comparison it took more than that. */
const MOMENT_MS = 10_000;
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
      V1_OTHER_WRITERS: 'loader',
      NEXTEN_UNFENCED: 'one writer, stopped by hand',
      NEXTEN_MODELS: '/models',
      BACKUP_DIR: '/safe',
    };
    const plan = parsePlan(SHIPPED, environment, 'p.yaml');
    expect(plan.mode).toBe('forward');
    expect(new Set(plan.datasets.map(({ transform }) => transform))).toEqual(new Set(['none']));
    expect(plan.stores[0]?.appUsers).toEqual(['matcher', 'gateway']);
    expect(plan.stores[0]?.otherWriters).toEqual(['loader']);
    expect(plan.stores[1]).toMatchObject({ appUsers: [], unfenced: 'one writer, stopped by hand' });
    expect(plan.files).toEqual([{ name: 'nexten-models', from: '/models' }]);
    expect(plan.backup.directory).toBe('/safe');
  });
});

describe('a plan with errors', () => {
  it('fences nobody whom it lets write, and gives no reason against a fence that it has', () => {
    const environment = { V1_APP_USERS: 'matcher', V1_OTHER_WRITERS: 'loader,matcher', V1_UNFENCED: 'why' };
    expect(problems(SHIPPED, environment)).toEqual([
      expect.stringMatching(
        /stores\[0\]\.otherWriters: expected users who are not fenced, .* found "matcher"$/,
      ),
      expect.stringMatching(/stores\[0\]\.unfenced: expected nothing where appUsers names whom to fence/),
    ]);
  });

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
      'p.yaml:3:6 day: expected a duration above zero such as 24h or 3s, at most 7d, found "forever"',
      'p.yaml:5:3 stores: expected exactly one store with side target, found 0',
      'p.yaml:7:10 stores[0].url: expected the password as ${NAME}, because everybody who sees the history sees the plan, found a literal password',
      'p.yaml:8:5 stores[0].appUser: expected a known field, nearest appUsers, found "appUser"',
      'p.yaml:9:13 stores[1].name: expected a name used once, stores[0] has it, found "v1"',
      'p.yaml:9:23 stores[1].side: expected source or target, found "sink"',
      'p.yaml:11:5 datasets[0].role: expected cache or sessions or metrics or config or model-state, found nothing',
      'p.yaml:12:11 datasets[0].from: expected the name of a source store (v1), found "v3"',
      'p.yaml:13:15 datasets[0].patterns: expected a list of key patterns, at least one, found an empty list',
      'p.yaml:14:16 gates.hold: expected a duration such as 24h, 5m, 90s or 500ms, at most 365d, found 5',
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
    [
      'jDay: { in: 9999d }',
      '10:13 jDay.in: expected a number of days such as 7d, at most 3650d, found "9999d"',
    ],
    [
      'timeline: { window: 1e13 }',
      '10:21 timeline.window: expected a number of days from 0 to 3650, found 10000000000000',
    ],
    [
      'timeline: { start: J-9999 }',
      '10:20 timeline.start: expected a day such as J-7, J or J+7, at most 3650 away, found "J-9999"',
    ],
    ...['2026-11-31T06:00:00Z', '2026-02-29T06:00:00Z', '2026-12-00T06:00:00Z', '2026-12-01T24:00:00Z'].map(
      (at) => [
        `jDay: { at: ${at} }`,
        `10:13 jDay.at: expected an instant of the calendar, with its zone, such as 2026-12-01T06:00:00Z, found "${at}"`,
      ],
    ),
    ...['fenceBudget', 'lagP99'].map((name) => [
      `gates: { ${name}: 0s }`,
      `gates.${name}: expected a duration above zero such as 24h, 5m, 90s or 500ms, at most 365d, found "0s"`,
    ]),
    ...['lagFor', 'lagP99'].map((name) => [
      `triggers: { ${name}: 0.4ms }`,
      `triggers.${name}: expected a duration above zero such as 24h, 5m, 90s or 500ms, at most 365d, found "0.4ms"`,
    ]),
    ['gates: { hold: -1s }', '10:16 gates.hold: expected a duration such as 24h'],
    ['timeline: { start: J-1, readiness: J-2 }', '10:11 timeline: expected start before readiness'],
    ['traffic: [{}]', '10:11 traffic[0]: expected either webhook or command, found neither'],
    [
      'traffic: [{ webhook: "http://u:hunter2@x/" }]',
      '10:22 traffic[0].webhook: expected an http:// or https:// URL',
    ],
    ['backup: here', '10:9 backup: expected a mapping of directory and retentionDays, found "here"'],
    [
      'gates: { waive: [{ gate: integrity, reason: no time }] }',
      '10:26 gates.waive[0].gate: expected impact or sessions or cacheHits, found "integrity"',
    ],
    [
      'gates: { waive: [{ gate: impact }] }',
      '10:18 gates.waive[0].reason: expected a text of 1 to 500 characters, found nothing',
    ],
    [
      "gates: { waive: [{ gate: impact, reason: ' ' }] }",
      '10:42 gates.waive[0].reason: expected a text of 1 to 500 characters, found " "',
    ],
    [
      'gates: { waive: [{ gate: impact, reason: a }, { gate: impact, reason: b }] }',
      '10:55 gates.waive[1].gate: expected a gate that is waived once, gates.waive[0] has it, found "impact"',
    ],
    ['gates: { waive: impact }', '10:17 gates.waive: expected a list of gates to waive, found "impact"'],
    ['zzz: 1', '10:1 zzz: expected one of migration, jDay, '],
  ])('%s is told', (line = '', expected = '') => {
    const lines = problems(`${SMALL}${line}\n`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^p\.yaml:10:\d+ /);
    expect(lines[0]).toContain(expected);
    expect(lines[0]).not.toContain('hunter2');
  });
});

describe('the files for TLS of a store', () => {
  const withTls = (url: string, fields: string) =>
    SMALL.replace(
      '- { name: v1, side: source, url: redis://v1 }',
      `- name: v1\n    side: source\n    url: ${url}\n    tls: ${fields}`,
    );

  it('are paths, which may come from the environment; a file that is not named is not in the plan', () => {
    const text = withTls(
      'rediss://v1',
      '{ ca: "${CA:-}", cert: our.crt, key: our.key, servername: "${NAME:-}" }',
    );
    const { stores } = parsePlan(text, { CA: '/tls/ca.crt' }, 'p.yaml');
    expect(stores[0]?.tls).toEqual({ ca: '/tls/ca.crt', cert: 'our.crt', key: 'our.key' });
    expect(stores[1]).not.toHaveProperty('tls');
    expect(parsePlan(SHIPPED, {}, 'p.yaml').stores[0]).not.toHaveProperty('tls');
    const shipped = parsePlan(SHIPPED, { SOURCE_V1: 'rediss://v1', V1_TLS_CA: 'ca.crt' }, 'p.yaml');
    expect(shipped.stores[0]?.tls).toEqual({ ca: 'ca.crt' });
  });

  it.each([
    ['rediss://v1', '{ cert: a.crt }', '6:18 stores[0].tls.cert: expected key beside it, found no key'],
    ['rediss://v1', '{ key: a.key }', '6:17 stores[0].tls.key: expected cert beside it, found no cert'],
    [
      'redis://v1',
      '{ ca: a.crt }',
      '6:10 stores[0].tls: expected a rediss:// URL of this store, or no files for TLS, found a redis:// URL, which is plain text',
    ],
    [
      'rediss://v1',
      '{ cafile: a.crt }',
      '6:12 stores[0].tls.cafile: expected one of ca, cert, key, servername, found "cafile"',
    ],
    ['rediss://v1', '{ ca: [a] }', '6:16 stores[0].tls.ca: expected a text, found a list'],
    [
      'rediss://v1',
      'yes',
      '6:10 stores[0].tls: expected a mapping of ca, cert, key and servername, found "yes"',
    ],
    [
      'rediss://v1',
      '{ servername: 10.0.0.7 }',
      '6:24 stores[0].tls.servername: expected a host name such as redis.internal, no address, found "10.0.0.7"',
    ],
  ])('are refused with their place: %s with %s', (url, fields, expected) => {
    expect(problems(withTls(url, fields))).toEqual([`p.yaml:${expected}`]);
  });

  it('stand with a URL whose options are refused with their place, too', () => {
    const [line = ''] = problems(withTls('redis://v1/0?keyPrefix=x', ''));
    expect(line).toMatch(
      /^p\.yaml:5:10 stores\[0\]\.url: expected keys with their whole names.*, found the option keyPrefix$/,
    );
  });
});

it('a plan of 400 datasets is checked in a moment, each against each', () => {
  const datasets = Array.from(
    { length: 400 },
    (_, i) =>
      `  - { name: d${i}, from: v1, patterns: ['kind${i}:*', 'app:*:part${i}'], excludes: ['kind${i}:x*'], role: cache }\n`,
  );
  const began = performance.now();
  expect(problems(SMALL + datasets.join(''))).toEqual([]);
  expect(performance.now() - began).toBeLessThan(MOMENT_MS);
  const last = "  - { name: last, from: v1, patterns: ['kind?9:*'], role: cache }\n";
  expect(problems(SMALL + datasets.join('') + last).length).toBe(9);
});

describe('a field with nothing behind it', () => {
  it('means its default', () => {
    const plan = parsePlan(`${SMALL}gates:\ntraffic:\n`, {}, 'p.yaml');
    expect(plan.gates.lagP99Ms).toBe(100);
    expect(plan.traffic).toEqual([]);
  });

  it('is a waiver only where it is written', () => {
    const waived = `${SMALL}gates: { waive: [{ gate: impact, reason: one machine }] }\n`;
    expect(parsePlan(waived, {}, 'p.yaml').gates.waive).toEqual([{ gate: 'impact', reason: 'one machine' }]);
    expect(parsePlan(SMALL, {}, 'p.yaml').gates).not.toHaveProperty('waive');
  });
});
