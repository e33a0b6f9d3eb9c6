import { NEEDED_COMMANDS } from '../../../redis/preflight/checks/rights.ts';

export const PASSWORD = 'p4ss-of-the-app-user';
export const OUR_PASSWORD = 'p4ss-of-our-own-user';
/** What an app needs: its own keys, and the right to read which side serves. */
const APP_KEYS = '~match:* ~candidate:* ~session:* ~metrics:* ~embedding:* ~rq:* %R~jday:authority';
/** The rights that docs/start.md advises. */
const NARROW = '-@all +@read +@write +@connection +@transaction -@dangerous';
/** On a cluster the client of an app also asks for the map of slots. */
const WIDE = '+@all -@dangerous';

const usersWith = (rights: string) => [
  `user default on >${OUR_PASSWORD} ~* &* +@all`,
  `user app on >${PASSWORD} ${APP_KEYS} &* ${rights}`,
];

/** The users of each server, as lines of its users file. */
export const ACL = usersWith(NARROW);

const NEEDED = NEEDED_COMMANDS.map((command) => `+${command}`).join(' ');
/**
 * The nodes of a cluster log in to each other as the default user. Our user has exactly the rights that docs/start.md
 * gives it.
 */
export const CLUSTER = {
  acl: [...usersWith(WIDE), `user jday on >${OUR_PASSWORD} ~* &__redis__:invalidate -@all ${NEEDED}`],
  password: OUR_PASSWORD,
  config: { masterauth: OUR_PASSWORD },
};
