import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWriteLog } from '../../rehearsal/apps/log.ts';
import { type AppsProcess, startApps } from '../../rehearsal/apps/process.ts';
import { checkStores, isSound } from '../../rehearsal/check/check.ts';
import { createClosing } from '../../rehearsal/closing.ts';
import { seedEntries } from '../../rehearsal/fill/data-set.ts';
import { startStores, type RehearsalStores } from '../../rehearsal/stores.ts';
import { eventually } from '../support/eventually.ts';
import { withTempDir } from '../support/temp-dir.ts';
import { fillBothSides } from './migrated.ts';
import { writeEntries } from '../../rehearsal/fill/write.ts';

const KEYS = 1_000;
const dir = withTempDir();

describe.each([
  ['three servers', false],
  ['one shared server', true],
])('the apps on %s', (_name, shared) => {
  const closing = createClosing();
  const base = { seed: 11, now: Date.now() };
  let stores: RehearsalStores;
  let apps: AppsProcess;
  const logFile = () => join(dir.path, `log-${shared}`);
  const log = () => readWriteLog(logFile());

  beforeAll(async () => {
    stores = await startStores(join(dir.path, `stores-${shared}`), shared, closing);
    await writeEntries(stores.admin, seedEntries(base, KEYS));
    const urls = {
      v1: stores.url('v1', 'v1-app'),
      nexten: stores.url('nexten', 'nexten-app'),
      v2: stores.url('v2', 'v2-app'),
    };
    apps = await startApps({ base, keys: KEYS, logFile: logFile(), urls }, closing);
  });
  afterAll(() => closing.close());

  const acknowledged = async (side: 'source' | 'target', more: number) => {
    const before = (await apps.tally()).acknowledged[side];
    await eventually(`${more} more writes on the ${side}`, async () => {
      return (await apps.tally()).acknowledged[side] >= before + more;
    });
  };
  const authority = (record: { authority: string; epoch: string }) =>
    Promise.all(Object.values(stores.admin).map((admin) => admin.hset('jday:authority', record)));

  it('write to V1 and Nexten, and each acknowledged write is in the log', async () => {
    await acknowledged('source', 400);
    await apps.pause();
    const result = await checkStores({
      stores: stores.oracle,
      entries: seedEntries(base, KEYS),
      records: log(),
      outcome: 'aborted',
      syncedUntil: 0,
      journaled: () => false,
    });
    expect(result.sections.flatMap(({ findings }) => findings)).toEqual([]);
    expect(isSound(result)).toBe(true);
    expect(new Set(log().map(({ app }) => app))).toEqual(new Set(['v1', 'nexten']));
    expect(new Set(log().map(({ operation }) => operation.do))).toEqual(
      new Set(['set', 'hset', 'expire', 'del', 'incr', 'zadd', 'lpush', 'ltrim']),
    );
    expect((await apps.tally()).vanished).toBe(0);
    await apps.resume();
  });

  it('the canary writes on V2 in V2’s form where copies stand, and stops when it is refused', async () => {
    const copies = [...seedEntries(base, KEYS)].filter(({ home }) => home === 'v1');
    await fillBothSides({ ...stores.admin, v1: stores.admin.v2 }, copies);
    await acknowledged('target', 40);
    const canary = log().filter(({ app }) => app === 'canary');
    const [changed] = canary.filter(({ operation }) => operation.do === 'hset');
    expect(changed).toMatchObject({ side: 'target' });
    expect(await stores.admin.v2.hexists(changed?.key ?? '', 'jobs')).toBe(1);
    await stores.admin.v2.call('ACL', 'SETUSER', 'v2-app', '-@write');
    await eventually('the canary is refused', async () => (await apps.tally()).refused > 0);
    await stores.admin.v2.call('ACL', 'SETUSER', 'v2-app', '+@write', '-@dangerous');
    const { target } = (await apps.tally()).acknowledged;
    await acknowledged('source', 100);
    expect((await apps.tally()).acknowledged.target).toBe(target);
  });

  it('fenced, they ask who serves and write there, in the form of that side; and back again', async () => {
    const refusedBefore = (await apps.tally()).refused;
    await stores.admin.v1.call('ACL', 'SETUSER', 'v1-app', '-@write');
    await stores.admin.nexten.call('ACL', 'SETUSER', 'nexten-app', '-@write');
    await authority({ authority: 'target', epoch: '2' });
    await acknowledged('target', 200);
    const born = log().filter(
      ({ side, operation }) => side === 'target' && operation.do === 'hset' && operation.fields.length > 5,
    );
    const fields = await Promise.all(born.map(({ key }) => stores.admin.v2.hkeys(key)));
    // An app may have deleted some of its sessions meanwhile.
    const standing = fields.filter(({ length }) => length > 0);
    expect(standing.length).toBeGreaterThan(0);
    for (const names of standing) expect(names).toEqual(expect.arrayContaining(['jobs', 'seq']));
    expect((await apps.tally()).refused).toBeGreaterThan(refusedBefore);

    await stores.admin.v1.call('ACL', 'SETUSER', 'v1-app', '+@write', '-@dangerous');
    await stores.admin.nexten.call('ACL', 'SETUSER', 'nexten-app', '+@write', '-@dangerous');
    await stores.admin.v2.call('ACL', 'SETUSER', 'v2-app', '-@write');
    await authority({ authority: 'source', epoch: '3' });
    await acknowledged('source', 200);
  });
});
