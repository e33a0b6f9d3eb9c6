import type { Redis } from 'ioredis';
import { orderedRule, ruleOf } from '../../../redis/fence/acl-rule.ts';
import type { TestCluster } from './cluster.ts';

type Users = Readonly<Record<string, readonly unknown[]>>;

/**
 * Returns all users of a server with their flags, passwords and rights. The rights are put in order, because Redis 7.0
 * lists single commands in an order that changes while a server runs.
 */
export function usersOf(redis: Redis): Promise<Users> {
  return usersBy((...words) => redis.call('ACL', words));
}

/** Does the same for each node of a cluster. */
export function usersOfNodes({ nodes, on }: TestCluster): Promise<readonly Users[]> {
  return Promise.all(nodes.map((_node, at) => usersBy((...words) => on(at, 'ACL', ...words))));
}

async function usersBy(acl: (...words: string[]) => Promise<unknown>): Promise<Users> {
  const users: Record<string, readonly unknown[]> = {};
  for (const user of ((await acl('USERS')) as string[]).sort()) {
    const reply = (await acl('GETUSER', user)) as unknown[];
    const [flags, passwords] = ['flags', 'passwords'].map((part) => reply[reply.indexOf(part) + 1]);
    users[user] = [flags, passwords, orderedRule(ruleOf(reply) ?? [])];
  }
  return users;
}
