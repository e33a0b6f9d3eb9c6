import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { commandsOf, keyWithin, type AclRule, ruleOf, sameRule, withoutCommands } from './acl-rule.ts';
import { type Denied, firstNotProvenDenied, dryRunQuestions } from './denied-commands.ts';

export type Played = {
  /** The rule that the fence leaves. */
  readonly left: AclRule;
  /** True if a user with this fence can get exactly its old rule back. */
  readonly comesBack: boolean;
  /** A command that the fence does not deny; `null` = none. */
  readonly open: string | null;
};

/**
 * Plays a fence on a user of ours that has the app user's rule: raises it, proves it and lowers it. So the result is
 * known before the app user itself is touched. The user of ours is off and has no password. All commands are one MULTI,
 * so no client ever sees that user, and a process that is killed leaves none behind.
 */
export async function playFence(
  redis: Redis,
  keyspace: Keyspace,
  user: string,
  rule: AclRule,
  denied: Denied,
): Promise<Played> {
  const probe = keyspace.probeUser(user);
  const asked = dryRunQuestions(probe, keyWithin(rule, keyspace.probe('fence')), denied);
  const acl = [
    ['SETUSER', probe, 'reset', ...rule],
    ['GETUSER', probe],
    ['SETUSER', probe, ...withoutCommands(rule, denied.words)],
    ['GETUSER', probe],
    ...asked,
    ['SETUSER', probe, ...commandsOf(rule)],
    ['GETUSER', probe],
    ['DELUSER', probe],
  ];
  const transaction = redis.multi();
  for (const words of acl) transaction.call('ACL', words);
  const answers = (await transaction.exec()) ?? [];
  const ruleAt = (i: number): AclRule => {
    const [error, answer] = answers[i] ?? [];
    const told = error ? null : ruleOf(answer ?? null);
    if (!told) throw error ?? new Error('the fence could not be played: ACL GETUSER told nothing');
    return told;
  };
  for (const i of [0, 2]) if (answers[i]?.[0]) throw answers[i][0];
  const [before, left, after] = [ruleAt(1), ruleAt(3), ruleAt(5 + asked.length)];
  return {
    left,
    comesBack: sameRule(before, rule) && sameRule(after, rule),
    open: firstNotProvenDenied(answers.slice(4, 4 + asked.length), denied),
  };
}

/** Returns why a rule cannot be fenced; `null` = it can. */
export function problemOf({ comesBack, open }: Played): string | null {
  if (open !== null) return `fenced, it could still run ${open}`;
  return comesBack ? null : 'its rule could not be put back to the letter: give it a simpler one';
}
