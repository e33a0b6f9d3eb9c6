import type { Redis } from 'ioredis';
import type { Home } from '../entry.ts';
import { type Section, sectionOf, STORE_NAMES } from './finding.ts';

const FORBIDDEN = ['keys', 'flushall', 'flushdb', 'swapdb'];

/** Checks with each server's own statistics that no command ran that empties a database or lists all keys. */
export async function forbiddenCommands(admins: Readonly<Record<Home, Redis>>): Promise<Section> {
  const findings = [];
  for (const store of ['v1', 'nexten', 'v2'] as const) {
    const statistics = await admins[store].info('commandstats');
    for (const command of FORBIDDEN) {
      const calls = Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(statistics)?.[1] ?? 0);
      if (calls > 0)
        findings.push({ where: STORE_NAMES[store], key: command, what: `ran ${calls} times`, writes: 0 });
    }
  }
  return sectionOf('KEYS, FLUSHALL, FLUSHDB never run', FORBIDDEN.length * 3, findings);
}

const APP_USERS = ['v1-app', 'nexten-app', 'v2-app'] as const;

/**
 * The rules of the apps' users, by user, as ACL LIST shows them. The words of a rule are sorted: the server lists the
 * exceptions of a rule in the order of its own hash tables, and that order may change at any time (seen with 7.0.15).
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

/**
 * Compares the rules of the given users. An abort must give every app user exactly the rights that it had. A finding
 * shows no password hash.
 */
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
