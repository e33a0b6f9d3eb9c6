import { CHECKS } from '../../../redis/preflight/checks.ts';
import { COMMANDS_BY_PURPOSE } from '../../../redis/preflight/checks/rights.ts';
import { REACHABLE } from '../../../redis/preflight/reachable.ts';

const SUBJECT = {
  server: 'each server',
  store: 'each store',
  link: 'each source with V2',
  plan: 'the plan',
} as const;

/** The tables of docs/preflight.md, made from the code. A test demands that the page holds exactly these. */
export function describePreflight(): { readonly checks: string; readonly commands: string } {
  const reachable = { ...REACHABLE, scope: 'store' } as const;
  const checks = [reachable, ...CHECKS].map(
    ({ name, scope, looksAt }) => `| ${name} | ${SUBJECT[scope]} | ${looksAt} |`,
  );
  const commands = Object.entries(COMMANDS_BY_PURPOSE).map(
    ([purpose, names]) =>
      `| ${purpose} | ${names.map((name) => `\`${name.replace('|', ' ')}\``).join(' ')} |`,
  );
  return {
    checks: ['| check | looked at for | what it looks at |', '|---|---|---|', ...checks].join('\n'),
    commands: ['| to | commands |', '|---|---|', ...commands].join('\n'),
  };
}
