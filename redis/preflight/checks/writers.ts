import { namedWriters, ownedKeys } from '../../../domain/keys/writers.ts';
import { enabledUsers, mayWrite } from '../../fence/may-write.ts';
import { strangersOnServer } from '../../fence/strangers.ts';
import { alert, green, red } from '../finding.ts';
import { ourUser } from './rights.ts';
import type { NamedCheck } from '../world.ts';

const MOST_TOLD = 10;

/**
 * If the plan gives a reason for naming no app user, the finding is only an alert. The store still has no ACL fence.
 */
export const APP_USERS_NAMED: NamedCheck = {
  name: 'app users named',
  scope: 'store',
  looksAt: 'whether the plan names the ACL users of the apps, whom the fence keeps from writing',
  look: async ({ store }, { plan }) => {
    const expected = 'at least one app user';
    if (store.appUsers.length > 0) return green(`${store.appUsers.length} named`, expected);
    if (store.side === 'source' && !plan.datasets.some(({ from }) => from === store.name))
      return green('none, and no dataset is of this store', expected);
    const remedy = 'Give each app an ACL user of its own and name it in appUsers.';
    const found =
      'none: the fence is a pause of writes that ends by itself, and apps may write on both sides';
    if (store.unfenced !== undefined) return alert(`${found}; the plan wants it so`, expected, remedy);
    return red(found, expected, `${remedy} Or say in the plan why there is none: unfenced: <reason>.`);
  },
};

export const OTHER_WRITERS: NamedCheck = {
  name: 'other writers',
  scope: 'server',
  looksAt:
    'users who may write what the datasets own, and whom the plan does not name: no fence reaches them; then whether one of them is connected and writes',
  look: async (subject, { plan }) => {
    const { store, redis } = subject;
    const expected = 'nobody but our user, appUsers and otherWriters';
    const owned = ownedKeys(plan, store);
    const remedy = `Take the right to write from them, or name them in otherWriters of store ${store.name}.`;
    const writing = await strangersOnServer(redis, store, owned);
    if (writing.length > 0 && store.appUsers.length > 0) {
      const who = writing.map(({ user, clients }) => `${user} × ${clients}`);
      return red(`connected and writing: ${told(who)}`, expected, remedy);
    }
    const named = [await ourUser(subject), ...plan.stores.flatMap(namedWriters)];
    const others: string[] = [];
    for (const user of await enabledUsers(redis))
      if (!named.includes(user) && (await mayWrite(redis, user, owned))) others.push(user);
    if (others.length === 0) return green('nobody else', expected);
    return alert(`may write: ${told(others)}`, expected, remedy);
  },
};

function told(names: readonly string[]): string {
  const more = names.length - MOST_TOLD;
  return names.slice(0, MOST_TOLD).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
