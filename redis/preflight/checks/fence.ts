import { keyWithin, readRule, RuleUnreadable } from '../../fence/acl-rule.ts';
import { askWhatIsOpen, deniedOn } from '../../fence/denied-commands.ts';
import { playFence, problemOf } from '../../fence/play-fence.ts';
import { rulesKept } from '../../fence/saved-rules.ts';
import { answerKind } from '../../client/server-answer.ts';
import { alert, type CheckFinding, green, reasonOf, red, type ServerUnderTest } from '../finding.ts';
import { ourUser } from './rights.ts';
import type { NamedCheck, PreflightWorld } from '../world.ts';

/** A hosted server may hide the commands that change rules. Then no right helps. */
const NO_RULES =
  'Ask who runs this server whether rules of users can be changed; if not, say in `unfenced` how its apps are stopped, and name no app users.';
const PLAYED = 'every command by which a key can change is denied, then the rule is as it was';

export const FENCE: NamedCheck = {
  name: 'fence',
  scope: 'server',
  looksAt:
    'the fence, raised and lowered on a user of our own with each app user’s very rule: what it leaves open, and whether the rule comes back to the letter',
  look: async (subject, world) => {
    if (subject.store.appUsers.length === 0) return green('not used: no app users named', PLAYED);
    try {
      return await played(subject, world);
    } catch (error) {
      if (error instanceof RuleUnreadable) return red(error.message, PLAYED, 'Change the rule of this user.');
      if (answerKind(error) === 'no such command')
        return red(`no fence: ${reasonOf(error)}`, PLAYED, NO_RULES);
      if (answerKind(error) !== 'denied') throw error;
      const remedy =
        'Grant our user +acl|setuser +acl|deluser +acl|getuser +acl|dryrun +command|info +multi +exec.';
      return red('our user may not change ACL rules', PLAYED, remedy);
    }
  },
};

async function played(
  { store, redis }: ServerUnderTest,
  { keyspace }: PreflightWorld,
): Promise<CheckFinding> {
  const denied = await deniedOn(redis);
  const mute: string[] = [];
  for (const user of store.appUsers) {
    const rule = await readRule(redis, user);
    // The user does not exist. The check `app users` reports that.
    if (!rule) continue;
    const problem = problemOf(await playFence(redis, keyspace, user, rule, denied));
    if (problem !== null) return red(`${user}: ${problem}`, PLAYED, 'Change the rule of this user.');
    const key = keyWithin(rule, keyspace.probe('fence'));
    if ((await askWhatIsOpen(redis, user, key, denied)) === null) mute.push(user);
  }
  if (mute.length === 0) return green(`${store.appUsers.length} rules played`, PLAYED);
  const remedy =
    'If a fence of an earlier run still stands, give the users their rights back (docs/by-hand.md); if they only read, take them out of appUsers.';
  return alert(`can write nothing already: ${mute.join(', ')}`, PLAYED, remedy);
}

export const SAVED_FENCE: NamedCheck = {
  name: 'saved fence',
  scope: 'server',
  looksAt:
    'whether the server can save the rules of its users: by ACL SAVE with an aclfile, else by CONFIG REWRITE. Either also saves what others have set at run time',
  look: async (subject) => {
    const { store, redis } = subject;
    const expected = 'a fence that stands from the first instant after a restart';
    if (store.appUsers.length === 0) return green('not used: no app users named', expected);
    if (store.fenceMayForget)
      return alert(
        'the plan accepts that a restart opens the fence for a moment',
        expected,
        `It says why: ${store.fenceMayForget}`,
      );
    const where = await rulesKept(redis);
    const remedy =
      'Use an aclfile and grant our user +acl|save; or start the server with a configuration file and grant +config|rewrite; or say in fenceMayForget why it may forget.';
    if (where === 'nowhere')
      return red('neither an aclfile nor a configuration file: a restart forgets rules', expected, remedy);
    const words = where === 'aclfile' ? ['ACL', 'SAVE'] : ['CONFIG', 'REWRITE'];
    const me = await ourUser(subject);
    const may = me !== null && String(await redis.call('ACL', ['DRYRUN', me, ...words])) === 'OK';
    if (!may) return red(`our user may not use ${words.join(' ')}`, expected, remedy);
    return green(`by ${words.join(' ')}, which the rehearsal tries`, expected);
  },
};
