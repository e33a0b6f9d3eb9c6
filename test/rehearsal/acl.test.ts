import { describe, expect, it } from 'vitest';
import { NEEDED_COMMANDS } from '../../redis/preflight/checks/rights.ts';
import { aclLines, drawPasswords, JDAY_COMMANDS, USERS, type User } from '../../rehearsal/stores.ts';
import { withRedis } from '../support/servers/redis.ts';

const passwords = drawPasswords();
const redis = withRedis({
  acl: [...aclLines(USERS, passwords).slice(1), 'user default on nopass ~* &* +@all'],
});

const as = (user: User) =>
  redis.connect({ username: user, password: passwords[user], enableReadyCheck: false });

describe('the users of the rehearsal’s stores', () => {
  it('jday’s own may run what the preflight says it needs, and nothing else', () => {
    expect(JDAY_COMMANDS.split(' ').sort()).toEqual(NEEDED_COMMANDS.map((command) => `+${command}`).sort());
  });

  it.each(['v1-app', 'nexten-app', 'v2-app'] as const)(
    '%s reads and writes its keys, and of ours it only reads who serves',
    async (user) => {
      const app = await as(user);
      await app.multi().set('session:é', '1').pexpire('session:é', 5_000).hset('match:h', 'f', 'v').exec();
      expect(await app.get('session:é')).toBe('1');
      expect(await app.watch('match:h')).toBe('OK');
      expect(await app.hgetall('jday:authority')).toEqual({});
      await expect(app.hset('jday:authority', 'authority', 'target')).rejects.toThrow(/NOPERM/);
      await expect(app.del('jday:supersmartmatch:fence:v1-app')).rejects.toThrow(/NOPERM/);
    },
  );

  it.each(USERS.filter((user) => user !== 'admin'))(
    'L6: %s can neither empty a database nor list all keys',
    async (user) => {
      const connection = await as(user);
      for (const command of ['FLUSHALL', 'FLUSHDB', 'SWAPDB 0 1', 'KEYS *'])
        await expect(connection.call(...(command.split(' ') as [string, ...string[]]))).rejects.toThrow(
          /NOPERM/,
        );
    },
  );

  it('the oracle cannot write', async () => {
    const oracle = await as('oracle');
    await expect(oracle.set('a', '1')).rejects.toThrow(/NOPERM/);
    expect(await oracle.type('nothing')).toBe('none');
  });

  it('passwords are new for each run, and nobody without one comes in', async () => {
    expect(drawPasswords().jday).not.toBe(passwords.jday);
    expect(aclLines(USERS, passwords)).toContain('user default off');
  });
});
