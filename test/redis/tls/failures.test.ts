import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TlsFiles } from '../../../domain/plan/plan.ts';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { openProbe } from '../../../redis/impact/probe.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { EXPIRED, makeAuthority, NOT_YET_VALID } from '../../support/servers/certificates.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { makeTls } from '../../support/servers/tls.ts';
import { LONG_RETENTION, only, withPreflightWorld } from '../preflight/world.ts';

const tls = makeTls();
const listener = await tls.listener();
const server = withRedis({
  acl: ['user default on nopass ~* &* +@all', 'user jday on >hunter2 ~* &* +@all'],
  config: listener.config,
});
const world = withPreflightWorld();
const { files } = tls;
const stranger = makeAuthority('CA of a stranger');
const LOGIN = { user: 'jday', password: 'hunter2' };
const URL_OF_SERVER = listener.url(LOGIN);

const SERVERS = {
  good: tls.forServer('good'),
  'of another name': tls.forServer('of-another-name', ['redis.internal']),
  expired: tls.forServer('expired', undefined, EXPIRED),
  'not yet valid': tls.forServer('not-yet-valid', undefined, NOT_YET_VALID),
};
const ofStranger = tls.write('stranger', stranger.issue({ name: 'jday' }));
const overdue = tls.write('overdue', tls.authority.issue({ name: 'jday', ...EXPIRED }));
const short = tls.write('short', tls.authority.issue({ name: 'jday', curve: 'secp112r1' }));
const strangersCa = tls.write('strangers-ca', stranger).cert;

const notPem = join(tls.dir, 'not-pem');
writeFileSync(notPem, 'no certificate\n');

type Case = {
  readonly what: string;
  readonly server?: keyof typeof SERVERS;
  readonly store?: TlsFiles;
  readonly url?: () => string;
  readonly reason: string;
  /** A part of it. */
  readonly remedy: string;
};

const CASES: readonly Case[] = [
  {
    what: 'a CA that Node does not know',
    store: { cert: files.cert, key: files.key },
    reason: 'the server’s certificate comes from a CA that we do not know',
    remedy: 'Name in `tls.ca` of the store',
  },
  {
    what: 'another CA than the one of the plan',
    store: { ...files, ca: strangersCa },
    reason: 'the server’s certificate comes from a CA that we do not know',
    remedy: 'Name in `tls.ca` of the store',
  },
  {
    what: 'an expired certificate',
    server: 'expired',
    reason: 'the server’s certificate has expired',
    remedy: 'Renew',
  },
  {
    what: 'a certificate of the future',
    server: 'not yet valid',
    reason: 'the server’s certificate is not yet valid',
    remedy: 'Wait until it is valid',
  },
  {
    what: 'a certificate for another name than the host',
    server: 'of another name',
    reason: 'the server’s certificate is not for the name 127.0.0.1',
    remedy: '`tls.servername` of the store',
  },
  {
    what: 'a certificate for another name than the one of the plan',
    server: 'of another name',
    store: { ...files, servername: 'redis.other' },
    reason: 'the server’s certificate is not for the name redis.other',
    remedy: '`tls.servername` of the store',
  },
  {
    what: 'a server that demands a certificate of ours',
    store: { ca: files.ca },
    reason: 'the server demands a certificate of ours',
    remedy: 'Name our certificate in `tls.cert` of the store and its key in `tls.key` of the store',
  },
  {
    what: 'a server that does not know the CA of our certificate',
    store: { ca: files.ca, ...ofStranger },
    reason: 'the server does not know the CA of our certificate',
    remedy: 'Let the server trust the CA',
  },
  {
    what: 'a certificate of ours that has expired',
    store: { ca: files.ca, ...overdue },
    reason: 'our certificate has expired',
    remedy: 'Renew it',
  },
  {
    what: 'a plain port',
    url: () => `rediss://jday:hunter2@127.0.0.1:${server.server.port}/0`,
    reason: 'the port does not speak TLS',
    remedy: 'Correct the port, or write redis:// instead of rediss:// in its URL',
  },
  {
    what: 'a port that speaks TLS, by a redis:// URL',
    store: {},
    url: () => URL_OF_SERVER.replace('rediss', 'redis'),
    reason: 'the port speaks TLS',
    remedy: 'Write rediss:// instead of redis:// in the URL',
  },
  {
    what: 'files for TLS and a redis:// URL',
    url: () => `redis://jday:hunter2@127.0.0.1:${server.server.port}/0`,
    reason: 'the plan names files for TLS, and the URL is a redis:// URL, which is plain text',
    remedy: 'Write rediss:// in the URL',
  },
  {
    what: 'a file that is not there',
    store: { ...files, cert: '/nonexistent/jday.crt' },
    reason: '`tls.cert` of the store names /nonexistent/jday.crt, and there is no such file',
    remedy: 'Correct `tls.cert` of the store, or put the file there, on the machine that connects',
  },
  {
    what: 'a file that is a directory',
    store: { ...files, key: tls.dir },
    reason: `\`tls.key\` of the store names ${tls.dir}, which is a directory`,
    remedy: 'Correct `tls.key` of the store',
  },
  {
    what: 'a CA that is no PEM',
    store: { ...files, ca: notPem },
    reason: '`tls.ca` of the store holds no certificate as PEM',
    remedy: '-----BEGIN CERTIFICATE-----',
  },
  {
    what: 'a key that is no PEM',
    store: { ...files, key: files.cert },
    reason: '`tls.key` of the store holds no private key as PEM',
    remedy: '-----BEGIN PRIVATE KEY-----',
  },
  {
    what: 'a key that is too short',
    store: { ca: files.ca, ...short },
    reason:
      'OpenSSL does not take the files of `tls.ca` of the store, `tls.cert` of the store and `tls.key` of the store (ERR_SSL_EE_KEY_TOO_SMALL)',
    remedy: 'Name certificates of at least 2048 bits (RSA) or 256 bits',
  },
  {
    what: 'a key of another certificate',
    store: { ...files, key: ofStranger.key },
    reason:
      'the private key of `tls.key` of the store does not belong to the certificate of `tls.cert` of the store',
    remedy: 'Name the two files that were made together',
  },
];

/** Lets the server present a certificate. It counts for the next connections. */
async function present(name: keyof typeof SERVERS = 'good'): Promise<void> {
  const { cert, key } = SERVERS[name];
  await server.client.config('SET', 'tls-cert-file', cert, 'tls-key-file', key);
}

describe('a store that TLS keeps us from', () => {
  test.each(CASES)('says so in words and what to do, in the preflight too: $what (L12)', async (one) => {
    await present(one.server);
    const url = one.url?.() ?? URL_OF_SERVER;
    const named = one.store ?? files;
    const store = { name: 'v1', side: 'source', url, appUsers: [], tls: named } as const;
    const { tls: _none, ...plain } = store;
    const given = Object.keys(named).length > 0 ? store : plain;
    const failure = await openStore(given, {}, 'test', { connectTimeout: 1_000 }).then(
      () => expect.fail('it was opened'),
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: 'StoreUnreachable', reason: one.reason });
    expect(String(failure)).toContain(one.remedy);
    expect(String(failure)).not.toMatch(/hunter2|routines|openssl/);

    const plan = world.withStore('v1', url);
    const stores = plan.stores.map((each) =>
      each.name === 'v1' && 'tls' in given ? { ...each, tls: given.tls } : each,
    );
    const checks = await runPreflight({ ...plan, stores }, world.environment(), LONG_RETENTION);
    expect(only(checks, 'reachable', 'v1')).toMatchObject({
      verdict: 'red',
      found: one.reason,
      remedy: expect.stringContaining(one.remedy) as string,
    });
    expect(only(checks, 'reachable', 'nexten').verdict).toBe('green');
  });

  test('says the same to the backup and to the probe', async () => {
    await present('expired');
    const store = { name: 'v1', side: 'source', url: URL_OF_SERVER, appUsers: [], tls: files } as const;
    const never = new AbortController().signal;
    await expect(fetchRdb(store, {}, join(tls.dir, 'x.rdb'), never)).rejects.toThrow(
      /^store v1: no RDB: the server’s certificate has expired\. Renew/,
    );
    const { probe, close } = await openProbe([store], {}, 'jday:test:probe:impact');
    await expect(probe()).rejects.toThrow('store v1: the server’s certificate has expired');
    await close();
  });

  test('is opened by the name of the plan where its certificate carries that one', async () => {
    await present('of another name');
    const servername = { ...files, servername: 'redis.internal' };
    const redis = await openStore(
      { name: 'v1', side: 'source', url: URL_OF_SERVER, appUsers: [], tls: servername },
      {},
      'test',
    );
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
  });

  test.skipIf(process.getuid?.() === 0)('says which file it may not read', async () => {
    const secret = tls.write('secret', { cert: '', key: '' }).key;
    chmodSync(secret, 0o000);
    const store = { name: 'v1', side: 'source', url: URL_OF_SERVER, appUsers: [] } as const;
    const failure = openStore({ ...store, tls: { ca: secret } }, {}, 'test');
    await expect(failure).rejects.toThrow('which we may not read');
  });
});
