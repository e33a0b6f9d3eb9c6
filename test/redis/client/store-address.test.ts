import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../domain/plan/plan.ts';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { serverAddressOf } from '../../../redis/client/store-address.ts';
import { openProbe } from '../../../redis/impact/probe.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const server = withRedis({ acl: ['user default on nopass ~* &* +@all', 'user jday on >100% ~* &* +@all'] });
const dir = withTempDir();
const STORE = { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [] } as const satisfies Store;
const never = new AbortController().signal;
const at = (login: string, rest = '') => ({
  SOURCE_V1: `redis://${login}127.0.0.1:${server.server.port}/0${rest}`,
});

describe('a URL that a worker finds in its environment', () => {
  it.each([
    ['an option', () => at('', '?keyPrefix=x:'), 'found the option keyPrefix. Correct SOURCE_V1'],
    ['a % in a password', () => at('jday:100%@'), 'found a % that begins no such code. Correct SOURCE_V1'],
    ['no number', () => ({ SOURCE_V1: 'redis://jday:100%25@v1/zero' }), 'found something that is no number'],
    ['another scheme', () => ({ SOURCE_V1: 'http://jday:100%25@v1' }), 'found a http:// URL'],
    ['nothing', () => ({}), 'environment variable SOURCE_V1 is not set. Set it for the worker'],
  ] as const)(
    'is refused with the same words by every connection: %s (L12)',
    async (_what, environment, words) => {
      const refused = async (opening: Promise<unknown>) => {
        const error: unknown = await opening.then(
          () => expect.fail('it was opened'),
          (failure: unknown) => failure,
        );
        expect(error).toMatchObject({
          name: 'StoreUnreachable',
          message: expect.stringContaining(words) as string,
        });
        expect(String(error)).not.toContain('100');
      };
      await refused(openStore(STORE, environment(), 'test'));
      await refused(fetchRdb(STORE, environment(), join(dir.path, 'x.rdb'), never));
      await refused(openProbe([STORE], environment(), 'jday:test:probe:impact'));
    },
  );

  it('is decoded to the last character', async () => {
    const redis = await openStore(STORE, at('jday:100%25@'), 'test');
    expect(await redis.call('ACL', ['WHOAMI'])).toBe('jday');
    redis.disconnect();
    const { bytes } = await fetchRdb(STORE, at('jday:100%25@'), join(dir.path, 'y.rdb'), never);
    expect(bytes).toBeGreaterThan(90);
    expect(serverAddressOf(STORE, { SOURCE_V1: 'redis://j%40:p%2F@[::1]:7000/3' })).toEqual({
      host: '::1',
      port: 7000,
      username: 'j@',
      password: 'p/',
      db: 3,
    });
  });
});
