import type { Redis } from 'ioredis';
import { AUTHORITY_KEY } from '../../../domain/keys/keyspace.ts';
import { isNoQuestion } from '../../client/server-answer.ts';
import { maySome } from '../../fence/may-write.ts';
import { green, red } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

/**
 * Each of these commands lets a user end its own fence, or stop the server that keeps it. None of them is in the ACL
 * category of writes, so a user without `@write` may still have them.
 */
const LIFTING: readonly (readonly string[])[] = [
  ['ACL', 'SETUSER', 'x'],
  ['ACL', 'DELUSER', 'x'],
  ['ACL', 'LOAD'],
  ['CONFIG', 'SET', 'x', 'y'],
  ['CONFIG', 'REWRITE'],
  ['MODULE', 'LOAD', 'x'],
  ['DEBUG', 'SLEEP', '0'],
  ['REPLICAOF', 'NO', 'ONE'],
  ['FAILOVER'],
  ['SHUTDOWN'],
  ['CLUSTER', 'FAILOVER'],
  ['CLUSTER', 'RESET'],
  ['CLIENT', 'UNPAUSE'],
  ['CLIENT', 'KILL', 'ID', '1'],
];
const WORDS_IN_NAME = new Set(['ACL', 'CONFIG', 'MODULE', 'CLUSTER', 'CLIENT']);

export const APP_RIGHTS: NamedCheck = {
  name: 'app rights',
  scope: 'server',
  looksAt:
    'what each app user could do to its own fence: commands that change rules or the server, and writes to keys of ours, where the rule and the record of who serves are kept',
  look: async ({ store, redis }, { keyspace }) => {
    const expected = 'no administration, and jday:authority to read only';
    for (const user of store.appUsers) {
      const lifting = await allowed(redis, user);
      if (lifting.length > 0) {
        const remedy = `Run: ACL SETUSER ${user} -@admin -@dangerous, and take back what was granted one by one.`;
        return red(`${user} may run ${lifting.join(', ')}`, expected, remedy);
      }
      const keys = [AUTHORITY_KEY, keyspace.fence(user)];
      for (const key of keys)
        if (await maySome(redis, user, key, 'write right')) {
          const remedy = `Give ${user} the patterns of its own keys instead of ~*: ACL SETUSER ${user} resetkeys ~<its keys> %R~jday:authority.`;
          return red(`${user} may write jday:*`, expected, remedy);
        }
    }
    return green(store.appUsers.length === 0 ? 'no app users named' : 'none of it', expected);
  },
};

async function allowed(redis: Redis, user: string): Promise<readonly string[]> {
  const answers = await Promise.all(
    LIFTING.map((words) =>
      redis.call('ACL', ['DRYRUN', user, ...words]).then(String, (error: unknown) => {
        // The server lacks the command or the user. The check `app users` reports a missing user.
        if (isNoQuestion(error)) return 'none';
        throw error;
      }),
    ),
  );
  return LIFTING.filter((_words, i) => answers[i] === 'OK').map(nameOf);
}

function nameOf([word = '', sub = '']: readonly string[]): string {
  return (WORDS_IN_NAME.has(word) ? `${word}|${sub}` : word).toLowerCase();
}
