import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { takeBackup } from '../../../redis/backup/backup.ts';
import { readManifest } from '../../../redis/backup/manifest.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { openProbe } from '../../../redis/impact/probe.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestRedis, withRedis } from '../../support/servers/redis.ts';
import { makeTls, type TlsListener } from '../../support/servers/tls.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { startSyncing } from '../../support/worlds/kept-sync.ts';
import { dataset, planOf, sameString } from '../../support/worlds/sync-world.ts';

const ACL = [
  'user default on nopass ~* &* +@all',
  'user jday on >p4ss%word ~* &* +@all',
  'user app on >secret ~match:* +@read +@write -@dangerous',
];
const LOGIN = { user: 'jday', password: 'p4ss%word' };
const tls = makeTls();
const [ofV1, ofV2] = [await tls.listener(), await tls.listener()];
const v1 = withRedis({ acl: ACL, config: ofV1.config });
const v2 = withRedis({ acl: ACL, config: ofV2.config });
const dir = withTempDir();
const environment = { SOURCE_V1: ofV1.url(LOGIN, 1), TARGET_V2: ofV2.url(LOGIN, 2) };

/** The ports by which our user is connected to a server. */
async function portsOf(server: TestRedis): Promise<readonly (string | undefined)[]> {
  const lines = String(await server.client.call('CLIENT', ['LIST'])).split('\n');
  return lines.filter((line) => / user=jday /.test(line)).map((line) => / laddr=\S+:(\d+) /.exec(line)?.[1]);
}

test('two servers that demand client certificates are synced both ways, backed up, fenced and probed, and no connection of ours is plain (L2, L10)', async () => {
  const plan = planOf([dataset({ name: 'match' })], {
    stores: [
      { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'], tls: tls.files },
      { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'], tls: tls.files },
    ],
    backup: { directory: join(dir.path, 'backups'), retentionDays: 1 },
  });
  const [one, other] = [await v1.connect({ db: 1 }), await v2.connect({ db: 2 })];
  for (let i = 0; i < 300; i++) await one.set(`match:${i}`, `value ${i}`);
  await one.set('match:large', 'x'.repeat(300_000));
  const claim = async () => {
    for (const redis of [one, other])
      await writeAuthority(await loadScripts(redis), { side: 'source', epoch: 1 });
  };
  const sync = await startSyncing({ claim, environment: () => environment }, plan);
  await sync.live();
  await other.set('match:back', 'from v2');
  await sameString(one, other, 'match:back', 'from v2');
  await eventually('the large key', async () => (await other.strlen('match:large')) === 300_000);

  const seen: (readonly [TestRedis, TlsListener])[] = [[v1, ofV1] as const, [v2, ofV2] as const];
  const never = new AbortController().signal;
  const look = async () => {
    for (const [server, { port }] of seen)
      expect(new Set(await portsOf(server))).toEqual(new Set([`${port}`]));
  };
  const looks: Promise<void>[] = [];
  const { id } = await takeBackup(plan, 'x', environment, never, () => looks.push(look()));
  expect((await Promise.all(looks)).length).toBeGreaterThan(2);
  const manifest = await readManifest(join(plan.backup.directory, id));
  expect(manifest?.stores.map(({ name, keys, database }) => [name, keys, database])).toEqual([
    ['v1', 302, 1],
    ['v2', 302, 2],
  ]);

  const { probe, close } = await openProbe(
    plan.stores,
    environment,
    keyspaceOf(plan.migration).probe('impact'),
  );
  onTestFinished(close);
  expect([...(await probe()).keys()]).toEqual(['v1', 'v2']);
  await withStores(plan, environment, 'test', async (stores) => {
    const fenced = stores.named('v1');
    await raiseFence(fenced, keyspaceOf(plan.migration), null, copyStoreOf(stores, fenced));
    await look();
  });
  expect(String(await one.call('ACL', ['DRYRUN', 'app', 'SET', 'match:1', 'v']))).toMatch(/no permissions/);
  expect(sync.ends).toEqual([]);
});
