import { alert, green, red } from './finding.ts';
import { ourUser } from './rights.ts';
import type { ServerUnderTest } from './subject.ts';
import type { NamedCheck } from './world.ts';

/** A user of ours without any right, made and deleted again: what the fence does, done to nobody. */
const PROBE_USER = 'jday-probe';

export const APP_USERS_NAMED: NamedCheck = {
  name: 'app users named',
  scope: 'store',
  looksAt: 'whether the plan names the ACL users of the apps, whom the fence keeps from writing',
  look: async ({ store }) => {
    const expected = 'at least one app user';
    if (store.appUsers.length > 0) return green(`${store.appUsers.length} named`, expected);
    return alert(
      'none: the fence is a pause of writes that ends by itself, and stray writes are only detected',
      expected,
      'Give each app an ACL user of its own and name it in appUsers.',
    );
  },
};

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

export const FENCE: NamedCheck = {
  name: 'fence',
  scope: 'server',
  looksAt:
    'whether we may change an app user’s rule, tried on a user of our own without rights, then deleted',
  look: async ({ store, redis }) => {
    const expected = 'rules of users can be changed and asked about';
    if (store.appUsers.length === 0) return green('not used: no app users named', expected);
    const remedy = 'Grant our user +acl|setuser +acl|deluser +acl|list +acl|dryrun.';
    try {
      await redis.call('ACL', 'SETUSER', PROBE_USER, 'reset', '-@write', 'clearselectors');
      const answer = String(await redis.call('ACL', 'DRYRUN', PROBE_USER, 'SET', 'k', 'v'));
      if (answer === 'OK') return red('a fenced user could still write', expected, remedy);
      await redis.call('ACL', 'LIST');
      return green('a rule was changed and proven', expected);
    } catch (error) {
      if (!/NOPERM|unknown/i.test(error instanceof Error ? error.message : '')) throw error;
      return red('our user may not change ACL rules', expected, remedy);
    } finally {
      await redis.call('ACL', 'DELUSER', PROBE_USER).catch(() => undefined);
    }
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
