import type { Redis } from 'ioredis';
import { answerKind } from '../client/server-answer.ts';

/**
 * The place where a server keeps the rules of its users. Rules that are saved there survive a restart and ACL LOAD;
 * rules that were only set at run time do not.
 */
export type RulesKept = 'aclfile' | 'configuration' | 'nowhere';

export async function rulesKept(redis: Redis): Promise<RulesKept> {
  const told = await redis.config('GET', 'aclfile').catch((error: unknown) => {
    // Hosted servers deny or hide this question. Then treat them as servers without an aclfile. Any other error says
    // nothing about the server's files.
    if (['denied', 'no such command'].includes(answerKind(error))) return [];
    throw error;
  });
  const [, file = ''] = told as string[];
  if (file !== '') return 'aclfile';
  const configured = /^config_file:\S/m.test(await redis.info('server'));
  return configured ? 'configuration' : 'nowhere';
}

export class RulesNotSaved extends Error {
  override readonly name = 'RulesNotSaved';
  constructor(store: string, why: string) {
    super(`the rules of the users of ${store} are not saved, a restart would undo what was set: ${why}`);
  }
}

/**
 * Saves the current rules, so that they survive a restart and ACL LOAD. ACL SAVE also writes all other rules, and
 * CONFIG REWRITE all other settings, that jday or another client has set at run time.
 *
 * @throws RulesNotSaved
 */
export async function saveRules(store: string, redis: Redis): Promise<void> {
  const where = await rulesKept(redis);
  if (where === 'nowhere')
    throw new RulesNotSaved(store, 'the server has neither an aclfile nor a configuration file');
  const [command, word] = where === 'aclfile' ? ['ACL', 'SAVE'] : ['CONFIG', 'REWRITE'];
  await redis.call(command, [word]).catch((error: unknown) => {
    throw new RulesNotSaved(store, whyNot(`${command} ${word}`, error));
  });
}

function whyNot(command: string, error: unknown): string {
  const right = command.toLowerCase().replace(' ', '|');
  switch (answerKind(error)) {
    case 'denied':
      return `our user may not run ${command}. Grant it +${right}`;
    case 'no such command':
      return `the server does not have ${command}. Say in the plan why it may forget the fence (fenceMayForget)`;
    case 'not ready':
      return 'the server is not ready';
    case 'no login':
    case 'other':
      return `${command} failed. Let the server write its file`;
  }
}
