/** Runs what docs/by-hand.md and docs/start.md tell a person to type. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf } from '../../domain/plan/plan.ts';
import { dropRecords } from '../../redis/cleanup/drop-records.ts';
import { withStores } from '../../redis/client/stores.ts';
import { raiseFence } from '../../redis/fence/raise-fence.ts';
import { findOptionalProgram } from '../../servers/tools.ts';
import { contentOf } from '../support/house/repository.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../support/worlds/sync-world.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const block = (page: string, language: string, holds: string) =>
  [...contentOf(page).matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))]
    .map(([, text = '']) => text)
    .find((text) => text.includes(holds)) ?? '';
const hasShell = ['bash', 'redis-cli'].every((name) => findOptionalProgram(name) !== undefined);

const world = withSyncWorld();
const directory = makeTempDir();
const plan = planOf([dataset({ name: 'match' })], {
  migration: 'supersmartmatch',
  backup: { directory, retentionDays: 30 },
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['matcher'], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
  ],
});
const keyspace = keyspaceOf(plan.migration);

describe('docs/start.md', () => {
  it.runIf(hasShell)(
    'makes a user who may hear of changes and can neither list all keys nor empty a database (L6)',
    async () => {
      const text = block('docs/start.md', 'sh', 'ACL SETUSER jday');
      execFileSync('bash', ['-c', text], { env: { ...process.env, ADMIN_URL: world.v1.server.url() } });
      const can = async (...words: string[]) =>
        String(await world.v1.client.call('ACL', ['DRYRUN', 'jday', ...words])) === 'OK';
      expect(await can('SUBSCRIBE', '__redis__:invalidate')).toBe(true);
      expect(await can('RESTORE', 'match:1', '0', 'x')).toBe(true);
      expect(await can('FLUSHALL')).toBe(false);
      expect(await can('KEYS', '*')).toBe(false);
    },
  );
});

describe('docs/by-hand.md', () => {
  it.runIf(hasShell)('gives fenced users the rule back that they had, selectors included', async () => {
    const { client, server } = world.v1;
    await client.call('ACL', ['SETUSER', 'matcher', 'on', '>secret', '~*', '+@all', '(+@write ~x:*)']);
    const rules = async () =>
      ((await client.call('ACL', ['LIST'])) as string[]).filter((line) => /matcher/.test(line));
    const before = await rules();
    await withStores(plan, world.environment(), 'test', (stores) =>
      raiseFence(stores.named('v1'), keyspace, null, stores.target.redis),
    );
    expect(await rules()).not.toEqual(before);
    const text = block('docs/by-hand.md', 'sh', 'give_back()');
    execFileSync('bash', ['-c', text], { cwd: directory, env: { ...process.env, URL: server.url() } });
    expect(await rules()).toEqual(before);
    expect(await client.exists(keyspace.fence('matcher'))).toBe(0);
  });

  it('puts the loser of a conflict beside its key, from the running journal and from the saved one', async () => {
    const [link] = linksOf(plan);
    await world.v1.client.set('match:c', 'v1 wins');
    await world.v2.client.set('match:c', 'v2 loses', 'PXAT', Date.now() + 500_000);
    const sync = await world.start(plan);
    await sync.live();
    await sameString(world.v1.client, world.v2.client, 'match:c', 'v1 wins');
    await sync.stop();
    const journal = keyspace.journal(link!.name);
    expect(losers(journal)).toMatch(/^0 "match:c" 20\d\d-/);
    expect(await putBack(journal)).toBe('v2 loses');
    await withStores(plan, world.environment(), 'test', (stores) => dropRecords(plan, stores, false));
    expect(await putBack(join(directory, 'supersmartmatch-journal-v2-v1.jsonl'))).toBe('v2 loses');
  });
});

/** Runs the program from the code block of the page, in the folder in which a person would save it. */
function losers(...args: string[]): string {
  const program = block('docs/by-hand.md', 'js', 'readBigInt64BE');
  const options = { cwd: ROOT, input: program, encoding: 'utf8' } as const;
  return execFileSync(
    process.execPath,
    ['--input-type=module', '-', world.v2.server.url(), ...args],
    options,
  );
}

async function putBack(place: string): Promise<string | null> {
  const { client } = world.v2;
  await client.del('loser:match:c');
  expect(losers(place, '0')).toContain('loser:match:c');
  expect(await client.ttl('loser:match:c')).toBeGreaterThan(86_000);
  return client.get('loser:match:c');
}
