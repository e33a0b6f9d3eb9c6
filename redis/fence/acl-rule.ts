import type { Redis } from 'ioredis';

/**
 * The rights of a user, as the words with which ACL SETUSER gives them back: keys, channels, databases, commands,
 * selectors. Flags and passwords are not part of it. The fence does not change them, and the app can read the record of
 * its rule, so the record must not hold hashes of passwords. Two rules are equal if their words are equal (`sameRule`).
 */
export type AclRule = readonly string[];

/**
 * The server returns a part of a user's rights that this version does not know. We could not give such a rule back, so
 * we do not fence the user.
 */
export class RuleUnreadable extends Error {
  override readonly name = 'RuleUnreadable';
  constructor(field: string) {
    super(`a rule holds "${field}", which this version cannot put back: give the user a rule without it`);
  }
}

/**
 * Reads the rule of a user by ACL GETUSER, which returns each part by itself. A line of ACL LIST is ambiguous: a
 * pattern in it may contain the parenthesis that ends a selector.
 *
 * @returns `null` = there is no such user
 * @throws RuleUnreadable
 */
export async function readRule(redis: Redis, user: string): Promise<AclRule | null> {
  return ruleOf(await redis.call('ACL', ['GETUSER', user]));
}

/** Builds the rule from an answer of ACL GETUSER. `null` = there is no such user. */
export function ruleOf(reply: unknown): AclRule | null {
  if (reply === null) return null;
  const parts = partsOf(reply as readonly unknown[]);
  const selectors = (parts.selectors ?? []) as readonly (readonly unknown[])[];
  const { keys, channels, databases, commands } = wordsOf(parts);
  return [
    ...['resetkeys', ...keys],
    ...['resetchannels', ...channels],
    ...databases,
    ...commands,
    'clearselectors',
    ...selectors.map(selectorOf),
  ];
}

type Parts = Readonly<Partial<Record<keyof typeof KNOWN, unknown>>>;

const KNOWN = {
  flags: [],
  passwords: [],
  commands: '',
  keys: '',
  channels: '',
  databases: '',
  selectors: [],
};

function partsOf(fields: readonly unknown[]): Parts {
  const parts: [string, unknown][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i]);
    if (!Object.hasOwn(KNOWN, name)) throw new RuleUnreadable(name);
    parts.push([name, fields[i + 1]]);
  }
  return Object.fromEntries(parts);
}

/** Splits each part at its spaces. No pattern and no command contains a space, because the server refuses those. */
function wordsOf({ keys, channels, databases, commands }: Parts) {
  const words = (part: unknown) =>
    String(part ?? '')
      .split(' ')
      .filter(Boolean);
  const named = words(databases);
  return {
    keys: words(keys),
    channels: words(channels),
    databases: named.length === 0 || named[0] === 'alldbs' ? named : ['resetdbs', ...named],
    commands: words(commands),
  };
}

function selectorOf(fields: readonly unknown[]): string {
  const { keys, channels, databases, commands } = wordsOf(partsOf(fields));
  return `(${[...keys, 'resetchannels', ...channels, ...databases, ...commands].join(' ')})`;
}

/**
 * Returns true if two rules have the same words. Redis 7.0 lists single commands in an order that changes while it
 * runs, so the comparison ignores their order where it has no meaning.
 */
export function sameRule(one: AclRule, other: AclRule): boolean {
  return orderedRule(one).join('\n') === orderedRule(other).join('\n');
}

/** Returns the words of a rule in the fixed order that `sameRule` compares. */
export function orderedRule(rule: AclRule): AclRule {
  const end = rule.indexOf('clearselectors') + 1;
  const selectors = rule.slice(end).map((word) => `(${inOrder(word.slice(1, -1).split(' ')).join(' ')})`);
  return [...inOrder(rule.slice(0, end)), ...selectors];
}

/**
 * Sorts each run of single commands between two categories. Categories, and words that are not commands, keep their
 * place.
 */
function inOrder(words: AclRule): AclRule {
  const sorted: string[] = [];
  let run: string[] = [];
  for (const word of [...words, '']) {
    if (isCommand(word) && word[1] !== '@') {
      run.push(word);
      continue;
    }
    sorted.push(...sortedRun(run), word);
    run = [];
  }
  return sorted.slice(0, -1);
}

/**
 * Sorts one run of single commands. A container such as `config` denies or allows all its subcommands at once. A
 * subcommand that is listed after its container must stay after it, because the later word counts.
 */
function sortedRun(run: AclRule): AclRule {
  const containerOf = (word: string) => word.slice(1).split('|')[0] ?? '';
  const groups = new Map<string, string[]>();
  for (const word of run) groups.set(containerOf(word), [...(groups.get(containerOf(word)) ?? []), word]);
  return [...groups.keys()].sort().flatMap((container) => {
    const group = groups.get(container) ?? [];
    const last = group.findLastIndex((word) => word.slice(1) === container);
    return [...group.slice(0, last + 1), ...group.slice(last + 1).sort()];
  });
}

/**
 * Returns the part of a rule that a fence changes: the commands and the selectors, not the patterns. With these words
 * ACL SETUSER also undoes the fence.
 */
export function commandsOf(rule: AclRule): AclRule {
  const end = rule.indexOf('clearselectors');
  return ['-@all', ...rule.slice(0, end).filter(isCommand), ...rule.slice(end)];
}

/**
 * Returns the words with which ACL SETUSER takes commands from a user who has this rule, in each of its selectors too.
 * Commands that only read stay allowed.
 *
 * @param denied words of `deniedOn`
 */
export function withoutCommands(rule: AclRule, denied: AclRule): AclRule {
  const selectors = rule.slice(rule.indexOf('clearselectors') + 1);
  return [
    ...denied,
    'clearselectors',
    ...selectors.map((selector) => `${selector.slice(0, -1)} ${denied.join(' ')})`),
  ];
}

/**
 * Returns a key that the user may write, for a question by ACL DRYRUN. With any other key the server could refuse the
 * key, and such an answer does not prove that the command is denied.
 *
 * @param otherwise key to use if the rule allows to write no key
 */
export function keyWithin(rule: AclRule, otherwise: string): string {
  for (const word of rule) {
    const [, pattern] = /^(?:~|%R?W~)(.+)$/.exec(word) ?? [];
    if (pattern !== undefined) return keyLike(pattern);
  }
  return otherwise;
}

/** Returns one key that matches a glob pattern. */
function keyLike(pattern: string): string {
  return pattern.replace(
    /\\(.)|\[(?!\^)\\?([^\]])[^\]]*\]|[*?]/g,
    (_glob, escaped?: string, first?: string) => escaped ?? first ?? 'x',
  );
}

function isCommand(word: string): boolean {
  return word.startsWith('+') || word.startsWith('-');
}
