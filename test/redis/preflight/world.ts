import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterEach, beforeAll, expect } from 'vitest';
import type { Check } from '../../../domain/run/check.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { NEEDED_COMMANDS } from '../../../redis/preflight/checks/rights.ts';
import { type TestRedis, withRedis } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { datasetOf, planOf, storeOf } from '../backup/plan.ts';

const commands = NEEDED_COMMANDS.map((command) => `+${command}`).join(' ');
const ACL = [
  'user default on nopass ~* &* +@all',
  `user jday on >s3cret-word ~* &* -@all ${commands}`,
  'user app on >app ~match:* ~session:* ~embedding:* %R~jday:authority +@read +@write -@dangerous',
  'user blind on >blind ~* &* -@all +@connection +@read +info +acl|whoami +acl|dryrun +command|info',
  'user outsider on >outsider ~session:* resetchannels +@all',
];

/** The app's user, the user that fills the stores, and `outsider`, which a test of our rights needs. */
const USERS = { appUsers: ['app'], otherWriters: ['default', 'outsider'] };

export const LONG_RETENTION = { temporalRetentionMs: 30 * 86_400_000 };

export interface PreflightWorld {
  readonly v1: TestRedis;
  readonly nexten: TestRedis;
  readonly v2: TestRedis;
  readonly path: string;
  makePlan(more?: Partial<Plan>): Plan;
  withStore(name: string, url: string, plan?: Plan): Plan;
  environment(): Record<string, string>;
  fill(): Promise<void>;
}

/**
 * Three healthy servers with app users, a folder with a model, and a plan for them. The servers are emptied after each
 * test.
 *
 * @param binaries the programs of servers that are not Redis
 */
export function withPreflightWorld(
  binaries: { readonly v1?: string; readonly v2?: string } = {},
): PreflightWorld {
  const dir = withTempDir();
  const server = (binary?: string) => withRedis({ acl: ACL, ...(binary && { binary }) });
  const [v1, nexten, v2] = [server(binaries.v1), server(), server(binaries.v2)];
  beforeAll(() => {
    mkdirSync(join(dir.path, 'models'));
    writeFileSync(join(dir.path, 'models', 'weights.bin'), 'weights');
  });
  afterEach(async () => {
    for (const { client } of [v1, nexten, v2]) {
      for (let db = 0; db < 3; db++) await emptied(client, db);
      await client.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
    }
  });
  const makePlan = (more: Partial<Plan> = {}) => planIn(dir.path, more);
  return {
    v1,
    nexten,
    v2,
    get path() {
      return dir.path;
    },
    makePlan,
    withStore: (name, url, plan = makePlan()) => ({
      ...plan,
      stores: plan.stores.map((store) => (store.name === name ? { ...store, url } : store)),
    }),
    environment: () => {
      const login = { user: 'jday', password: 's3cret-word' };
      return { V1: v1.server.url(login), NEXTEN: nexten.server.url(login), V2: v2.server.url(login) };
    },
    fill: async () => {
      await v1.client.mset('match:1', '{"offers":[{"id":1,"score":94.5}],"n":1.0}', 'session:a', 'x');
      await nexten.client.set('embedding:1', Buffer.from([0, 255, 128, 1]));
      await v2.client.set('match:result:1', '{"jobs":[1]}');
    },
  };
}

export function only(checks: readonly Check[], name: string, subject: string): Check {
  const found = checks.filter((check) => check.name === name && check.subject === subject);
  expect(found.map((check) => check.name)).toEqual([name]);
  return found[0] as Check;
}

function planIn(path: string, more: Partial<Plan>): Plan {
  const plan = planOf({
    stores: [
      storeOf('v1', '${V1}', USERS),
      storeOf('nexten', '${NEXTEN}', USERS),
      storeOf('v2', '${V2}', USERS),
    ],
    datasets: [
      datasetOf('matches', 'match:*', { transform: 'offers_to_jobs' }),
      datasetOf('sessions', 'session:*', { joins: 'jday' }),
      datasetOf('embeddings', 'embedding:*', { from: 'nexten' }),
    ],
    files: [{ name: 'models', from: join(path, 'models'), to: join(path, 'v2', 'models') }],
    ...more,
  });
  return { ...plan, backup: { directory: join(path, 'backups'), retentionDays: 14 } };
}

async function emptied(client: Redis, db: number): Promise<void> {
  await client.select(db);
  const [, keys] = await client.scan('0', 'COUNT', '1000');
  if (keys.length > 0) await client.del(keys);
  await client.select(0);
}
