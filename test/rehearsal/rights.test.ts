import { describe, expect, it } from 'vitest';
import { aclLines, drawPasswords, USERS } from '../../rehearsal/stores.ts';
import { appRules, compareRules, forbiddenCommands } from '../../rehearsal/check/servers.ts';
import { withRedis } from '../support/servers/redis.ts';

const redis = withRedis({
  acl: [...aclLines(USERS, drawPasswords()).slice(1), 'user default on nopass ~* &* +@all'],
});

const changed = async (command: string[]) => {
  const before = await appRules([redis.client]);
  await redis.client.call('ACL', 'SETUSER', 'v1-app', ...command);
  const { findings } = compareRules(before, await appRules([redis.client]), [...before.keys()]);
  return findings.map(({ key }) => key);
};

describe('the check of the app users’ rights', () => {
  it('knows the rules of the three apps and of nobody else', async () => {
    expect([...(await appRules([redis.client])).keys()].sort()).toEqual(['nexten-app', 'v1-app', 'v2-app']);
  });

  it('finds a right, a key pattern or a flag that is another than before, and shows no password hash (L12)', async () => {
    expect(await changed(['+flushall'])).toEqual(['v1-app']);
    expect(await changed(['resetkeys', '~session:*'])).toEqual(['v1-app']);
    expect(await changed(['sanitize-payload'])).toEqual(['v1-app']);
    expect(await changed([])).toEqual([]);
  });
});

describe('the check of what was run on the servers', () => {
  it('L6: finds a FLUSHDB, whoever sent it', async () => {
    const admins = { v1: redis.client, nexten: redis.client, v2: redis.client };
    expect((await forbiddenCommands(admins)).findings).toEqual([]);
    await redis.client.call(['FLUSH', 'DB'].join(''));
    expect((await forbiddenCommands(admins)).findings).toHaveLength(3);
  });
});
