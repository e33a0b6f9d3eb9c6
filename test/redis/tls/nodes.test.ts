import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { onServersBeside } from '../../../redis/client/acl-nodes.ts';
import { nodesOf } from '../../../redis/client/cluster-client.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { serversOf } from '../../../redis/client/store-servers.ts';
import { openProbe } from '../../../redis/impact/probe.ts';
import { startRedis } from '../../../servers/redis-server.ts';
import { eventually } from '../../support/eventually.ts';
import { withCluster } from '../../support/servers/cluster.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { startSentinel } from '../../support/servers/sentinel.ts';
import { makeTls } from '../../support/servers/tls.ts';

const tls = makeTls();
const never = new AbortController().signal;

describe('a cluster whose nodes demand client certificates', () => {
  const cluster = withCluster({ tls, replicaOf: 0 });
  const ports = () =>
    cluster
      .url()
      .split(',')
      .map((url) => new URL(url).port);

  test('is reached at every node with TLS: masters, a replica, by the backup and the probe too', async () => {
    const store = {
      name: 'v2',
      side: 'target',
      url: cluster.url(),
      cluster: true,
      appUsers: [],
      tls: tls.files,
    } as const;
    const redis = await openStore(store, {}, 'test');
    onTestFinished(() => redis.disconnect());
    expect(nodesOf(redis)).toHaveLength(3);
    for (let i = 0; i < 50; i++) await redis.set(`key:${i}`, String(i));
    for (let i = 0; i < 50; i++) expect(await cluster.client.get(`key:${i}`)).toBe(String(i));

    const { probe, close } = await openProbe([store], {}, 'jday:test:probe:impact');
    onTestFinished(close);
    expect((await probe()).get('v2')).toBeGreaterThan(0);
    await onServersBeside(redis, async ({ reached, unreached }) => {
      expect([reached.length, unreached]).toEqual([1, 0]);
      for (const [node, port] of ports().entries()) {
        const lines = String(await cluster.on(node, 'CLIENT', 'LIST')).split('\n');
        const ours = lines.filter((line) => line.includes(' name=jday:'));
        expect(ours.length).toBeGreaterThan(0);
        expect(ours.filter((line) => !line.includes(` laddr=127.0.0.1:${port} `))).toEqual([]);
      }
    });

    const servers = await serversOf(store, {}, 'backup');
    expect(servers).toHaveLength(3);
    for (const [i, one] of servers.entries()) {
      const { bytes } = await fetchRdb(one.store, {}, join(tls.dir, `${i}.rdb`), never);
      expect(bytes).toBeGreaterThan(90);
    }
  });

  test('is not opened without a client certificate, and says why', async () => {
    const { ca } = tls.files;
    const store = {
      name: 'v2',
      side: 'target',
      url: cluster.url(),
      cluster: true,
      appUsers: [],
      tls: { ca },
    } as const;
    await expect(openStore(store, {}, 'test')).rejects.toThrow(
      'store v2: the server demands a certificate of ours. Name our certificate in `tls.cert` of the store',
    );
  });
});

test('a store behind Sentinels that demand client certificates is opened, with its replica; a port of the other kind is named', async () => {
  const [ofMaster, ofReplica, ofSentinel] = [
    await tls.listener(),
    await tls.listener(),
    await tls.listener(),
  ];
  const replication = { 'tls-replication': 'yes' };
  const start = async (name: string, config: Readonly<Record<string, string>>) => {
    const server = await startRedis({ dir: join(tls.dir, name), config: { ...config, ...replication } });
    onTestFinished(() => server.stop());
    return server;
  };
  const master = await start('master', ofMaster.config);
  await start('replica', { ...ofReplica.config, replicaof: `127.0.0.1 ${ofMaster.port}` });
  const asked = await connectTo(master.port);
  onTestFinished(() => asked.disconnect());
  await eventually('the replica to follow', async () => /state=online/.test(await asked.info('replication')));
  const settings = { ...ofSentinel.config, ...replication };
  const sentinel = await startSentinel(join(tls.dir, 'sentinel'), ofMaster.port, undefined, settings);
  onTestFinished(() => sentinel.stop());

  const open = (scheme: string, port: number) => {
    const url = `${scheme}+sentinel://127.0.0.1:${port}/mine/0`;
    const files = scheme === 'rediss' ? { tls: tls.files } : {};
    return openStore({ name: 'v1', side: 'source', url, appUsers: [], ...files }, {}, 'test');
  };
  const redis = await open('rediss', ofSentinel.port);
  onTestFinished(() => redis.disconnect());
  await redis.set('key', 'value');
  expect(await asked.get('key')).toBe('value');
  const beside = await onServersBeside(redis, async ({ reached, unreached }) => [reached.length, unreached]);
  expect(beside).toEqual([1, 0]);
  await expect(open('rediss', sentinel.port)).rejects.toThrow('store v1: the port does not speak TLS');
  await expect(open('redis', ofSentinel.port)).rejects.toThrow('store v1: the port speaks TLS');
});
