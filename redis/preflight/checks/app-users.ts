import { alert, green, red, type ServerUnderTest } from '../finding.ts';
import { ourUser } from './rights.ts';
import type { NamedCheck } from '../world.ts';

export const APP_USERS_RIGHT: NamedCheck = {
  name: 'app users',
  scope: 'server',
  looksAt: 'whether each named app user exists, is enabled, and is neither our own user nor `default`',
  look: async (subject) => {
    const expected = 'enabled users of the apps alone';
    const { store } = subject;
    if (store.appUsers.length === 0) return green('none named', expected);
    const me = await ourUser(subject);
    if (me !== null && store.appUsers.includes(me)) {
      return red(
        'our own user is named as an app user',
        expected,
        'Give jday a user of its own: the fence would lock us out.',
      );
    }
    const missing = await usersThat(subject, (flags) => flags === null);
    if (missing.length > 0) {
      return red(
        `${missing.length} of the named users do not exist`,
        expected,
        'Create them, or correct appUsers in the plan.',
      );
    }
    const off = await usersThat(subject, (flags) => flags?.includes('off') ?? false);
    if (off.length > 0)
      return alert(
        `${off.length} of them are off`,
        expected,
        'Switch them on, or take them out of the plan.',
      );
    if (store.appUsers.includes('default')) {
      const remedy =
        'Better give the apps a user of their own: fencing `default` stops every client that does not log in.';
      return alert('`default` is named', expected, remedy);
    }
    return green(`${store.appUsers.length} exist`, expected);
  },
};

async function usersThat(
  { store, redis }: ServerUnderTest,
  fits: (flags: readonly string[] | null) => boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const user of store.appUsers) {
    const reply = (await redis.call('ACL', 'GETUSER', user)) as unknown[] | null;
    if (fits(reply === null ? null : (reply[1] as string[]))) found.push(user);
  }
  return found;
}
