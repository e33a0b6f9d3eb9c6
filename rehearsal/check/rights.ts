import type { Redis } from 'ioredis';
import { type Section, sectionOf } from './finding.ts';

const APP_USERS = ['v1-app', 'nexten-app', 'v2-app'] as const;

/**
 * The rules of the apps' users as ACL LIST says them, by user. Words in sorted order: the server lists the exceptions
 * of a rule in the order of its own hash tables, which may change under it (7.0.15).
 */
export async function appRules(admins: readonly Redis[]): Promise<ReadonlyMap<string, string>> {
  const rules = new Map<string, string>();
  for (const admin of admins) {
    for (const line of (await admin.call('ACL', 'LIST')) as string[]) {
      const user = line.split(' ')[1] ?? '';
      if (APP_USERS.some((name) => name === user)) rules.set(user, line.split(' ').sort().join(' '));
    }
  }
  return rules;
}

/** An abort gives every app user exactly the rights that it had; the finding shows no password hash. */
export function compareRules(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  users: readonly string[],
): Section {
  const changed = users.filter((user) => before.get(user) !== after.get(user));
  const findings = changed.map((user) => ({
    where: 'ACL',
    key: user,
    what: 'another rule than before',
    writes: 0,
  }));
  return sectionOf('app users’ rights as before', users.length, findings);
}
