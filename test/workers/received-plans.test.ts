import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { ApplicationFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { allRefusals } from '../../activities/received-plans.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { FAILURES } from '../../domain/run/failure.ts';
import type { MigrationActivities } from '../../workflows/activities.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { withTempDir } from '../support/temp-dir.ts';

const dir = withTempDir();
/** A host of the author of the plan. It counts who comes. */
let listener: Server;
let visits = 0;

beforeAll(async () => {
  listener = createServer((socket) => {
    visits++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  for (const name of ['backups', 'models', 'private']) mkdirSync(join(dir.path, name));
  symlinkSync(join(dir.path, 'private'), join(dir.path, 'models', 'way-out'));
});
afterAll(() => listener.close());

const there = () => `127.0.0.1:${(listener.address() as AddressInfo).port}`;

function dependencies(): Dependencies {
  return {
    environment: { SOURCE_PASSWORD: 'hunter2' },
    allowance: {
      variables: ['SOURCE_*', 'TARGET_*', 'TRAFFIC_*'],
      programs: ['/usr/local/bin/switch'],
      writable: [join(dir.path, 'backups')],
      readable: [join(dir.path, 'models')],
    },
    cluster: async () => 'temporal-1',
    retentionMs: async () => null,
    searchAttributes: async () => false,
  } as unknown as Dependencies;
}

/** A plan that is sound, and whose stores are all at the listener. */
function planThere(change: Partial<Plan> = {}): Plan {
  const { stores } = examplePlan();
  return examplePlan({
    migration: 'hostile',
    stores: stores.map((store, i) => ({ ...store, url: `redis://${there()}/${i}`, appUsers: [] })),
    backup: { directory: join(dir.path, 'backups'), retentionDays: 30 },
    ...change,
  });
}

const INPUT = { run: 'run-1', link: 'v1', label: 'j-7', known: null, fencingNumber: 1, after: 0, forMs: 0 };

async function failureOf(name: string, plan: unknown, more: object = {}): Promise<ApplicationFailure> {
  const activities = createActivities(dependencies()) as unknown as Record<
    string,
    (input: object) => Promise<unknown>
  >;
  const environment = new MockActivityEnvironment({ namespace: 'test', activityNamespace: 'test' });
  return environment.run(activities[name]!, { ...INPUT, plan, ...more }).then(
    () => Promise.reject(new Error(`${name} took the plan`)),
    (error: unknown) => error as ApplicationFailure,
  );
}

const everyActivity = Object.keys(
  createActivities({} as Dependencies),
) as readonly (keyof MigrationActivities)[];
const everyOther = everyActivity.filter((name) => name !== 'preflight');

describe('every activity', () => {
  it.each(everyActivity)(
    '%s refuses what is no plan, names the field, and connects to nobody',
    async (name) => {
      visits = 0;
      const spoiled = { ...planThere(), gates: { ...planThere().gates, fenceBudgetMs: '5s' } };
      const failure = await failureOf(name, spoiled);
      expect(failure).toMatchObject({ type: FAILURES.BadConfiguration, nonRetryable: true });
      expect(failure.message).toMatch(
        /^plan\.gates\.fenceBudgetMs: expected a whole number of ms .*, found "5s"$/,
      );
      for (const none of [undefined, null, 'plan', {}]) {
        const { type } = await failureOf(name, none);
        expect(type).toBe(FAILURES.BadConfiguration);
      }
      expect(visits).toBe(0);
    },
  );

  it.each(everyOther)(
    '%s puts no variable of the worker into a URL, and connects to nobody',
    async (name) => {
      visits = 0;
      const [first, ...stores] = planThere().stores;
      const thief = { ...first!, url: `redis://jday:\${AWS_SECRET_ACCESS_KEY}@${there()}` };
      const failure = await failureOf(name, planThere({ stores: [thief, ...stores] }));
      expect(failure).toMatchObject({ type: FAILURES.NotAllowedHere, nonRetryable: false });
      expect(failure.message).toBe(
        'plan.stores[0].url names the variable AWS_SECRET_ACCESS_KEY, which this worker hands to no plan: ' +
          'start each worker with --allow-env AWS_SECRET_ACCESS_KEY, or name another variable',
      );
      expect(visits).toBe(0);
    },
  );

  it.each(['backup', 'copyFiles', 'dropRecords'])(
    '%s writes and reads only where the worker lets it',
    async (name) => {
      const inside = (more: Partial<Plan>) => planThere({ files: [], ...more });
      for (const directory of [
        '/etc',
        join(dir.path, 'backups', '..', 'private'),
        join(dir.path, 'models'),
      ]) {
        const failure = await failureOf(name, inside({ backup: { directory, retentionDays: 1 } }));
        expect(failure).toMatchObject({ type: FAILURES.NotAllowedHere });
        expect(failure.message).toContain('plan.backup.directory names the folder');
      }
      for (const from of ['/etc', join(dir.path, 'models', 'way-out'), join(dir.path, 'backups')]) {
        const failure = await failureOf(name, inside({ files: [{ name: 'm', from }] }));
        expect(failure.message).toContain('plan.files[0].from names the folder');
      }
      const copied = { name: 'm', from: join(dir.path, 'models'), to: '/etc/cron.d' };
      expect((await failureOf(name, inside({ files: [copied] }))).message).toContain(
        'plan.files[0].to names the folder',
      );
    },
  );

  it('cutover refuses a hook that this worker may not call; a rollback does not ask', async () => {
    const plan = planThere({ traffic: [{ kind: 'command', command: ['/bin/sh', '-c', 'env'] }] });
    expect(await failureOf('cutover', plan)).toMatchObject({ type: FAILURES.NotAllowedHere });
    expect(await failureOf('rollback', plan)).toMatchObject({ type: 'StoreUnreachable' });
  });

  it('backup takes no path for a label', async () => {
    const failure = await failureOf('backup', planThere(), { label: '../../etc' });
    expect(failure).toMatchObject({ type: FAILURES.BadConfiguration, nonRetryable: true });
    expect(failure.message).toMatch(/^label: expected /);
  });
});

describe('the preflight', () => {
  it('says what the worker does not allow, and neither connects nor looks at a folder', async () => {
    visits = 0;
    const [first] = planThere().stores;
    const stores = planThere().stores.map((store) => ({
      ...store,
      url: `redis://\${HOST_OF_MINE}@${there()}`,
    }));
    const plan = planThere({
      stores: [{ ...first!, url: `\${DATABASE_URL:-redis://${there()}}` }, ...stores.slice(1)],
      backup: { directory: '/etc', retentionDays: 1 },
      files: [{ name: 'm', from: '/etc' }],
      traffic: [{ kind: 'command', command: ['/bin/sh', '-c', 'env'] }],
    });
    const activities = createActivities(dependencies());
    const environment = new MockActivityEnvironment({ namespace: 'test', activityNamespace: 'test' });
    const { checks } = (await environment.run(activities.preflight, { plan, run: INPUT.run })) as Awaited<
      ReturnType<MigrationActivities['preflight']>
    >;
    const found = (name: string) => checks.filter((check) => check.name === name);
    expect(found('reachable').map((check) => check.found)).toEqual(Array(3).fill('not allowed here'));
    expect(found('backup space')).toMatchObject([{ verdict: 'red', found: 'not allowed here' }]);
    expect(found('model files')).toMatchObject([{ verdict: 'red', found: 'not allowed here' }]);
    const [allowed] = found('allowed here');
    expect(allowed?.verdict).toBe('red');
    for (const field of [
      'stores[0].url',
      'stores[1].url',
      'traffic[0].command',
      'backup.directory',
      'files[0].from',
    ])
      expect(allowed?.found).toContain(`${field} `);
    for (const option of ['--allow-env DATABASE_URL', '--allow-command', '--allow-write', '--allow-read'])
      expect(allowed?.remedy).toContain(option);
    expect(visits).toBe(0);
  });

  it('refuses two owners of one key before it connects to anybody', async () => {
    visits = 0;
    const [dataset] = planThere().datasets;
    const plan = planThere({ datasets: [dataset!, { ...dataset!, name: 'again' }] });
    const failure = await failureOf('preflight', plan);
    expect(failure).toMatchObject({ type: FAILURES.BadConfiguration, nonRetryable: true });
    expect(failure.message).toContain('plan.datasets[1]: expected each key with one owner');
    expect(visits).toBe(0);
  });
});

it('a worker allows what its own folders hold, also what is not there yet', async () => {
  const plan = planThere({
    backup: { directory: join(dir.path, 'backups', 'new', 'deep'), retentionDays: 1 },
    files: [{ name: 'm', from: join(dir.path, 'models'), to: join(dir.path, 'backups', 'v2') }],
  });
  expect(await allRefusals(plan, dependencies())).toEqual([]);
});
