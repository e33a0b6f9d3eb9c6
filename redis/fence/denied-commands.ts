import type { Redis } from 'ioredis';

/** The commands that a fence takes from the apps on one server. */
export type Denied = {
  /** Words for ACL SETUSER that deny them all. */
  readonly words: readonly string[];
  /** Each command by itself, for questions by ACL DRYRUN. */
  readonly commands: readonly DeniedCommand[];
};

export type DeniedCommand = {
  readonly name: string;
  /** Number of words of a call, the name included; negative = at least so many. */
  readonly arity: number;
  /**
   * Position of the first key among the words of a call; 0 = the command has no key, or its position differs between
   * calls.
   */
  readonly firstKey: number;
  /** True if the right to read the key is not enough to run the command. */
  readonly needsWriteRight: boolean;
  /** True if the server calls the command a read although it may change the bytes of the key: PFCOUNT. */
  readonly passesForReading: boolean;
};

type Command = DeniedCommand & {
  readonly flags: readonly string[];
  readonly categories: readonly string[];
  readonly changesKeys: boolean;
  readonly parts: readonly Command[];
};

const known = new WeakMap<Redis, { readonly modules: string; readonly denied: Promise<Denied> }>();

/**
 * Returns every command by which a key can change on this server. No category contains all of them, so the function
 * asks the server for its commands and takes
 * - those with the flag `write`,
 * - those without this flag whose description says that they change a key (PFCOUNT),
 * - those of modules, because they may do anything and are in no category.
 *
 * Scripts and functions stay allowed, because the server checks each command inside them. PUBLISH and SPUBLISH stay
 * allowed, because they change no key.
 */
export async function deniedOn(redis: Redis): Promise<Denied> {
  // A module that is loaded later adds commands, and a rule with `+@all` allows them. So ask again when the modules
  // change.
  const modules = await redis.info('modules');
  const before = known.get(redis);
  if (before?.modules === modules) return before.denied;
  const denied = ask(redis);
  known.set(redis, { modules, denied });
  denied.catch(() => known.delete(redis));
  return denied;
}

async function ask(redis: Redis): Promise<Denied> {
  const all = ((await redis.call('COMMAND', ['INFO'])) as readonly (readonly unknown[])[]).map(commandOf);
  const commands = all.flatMap((command) => partsOf(command).filter(changes));
  if (commands.length === 0) throw new Error('the server does not tell its commands: COMMAND INFO is empty');
  const beside = commands
    .filter(({ categories }) => !categories.includes('@write'))
    .map(({ name }) => `-${name}`);
  return { words: ['-@write', ...beside], commands };
}

function partsOf(command: Command): readonly Command[] {
  if (command.parts.length === 0) return [command];
  // Some modules set the flag only on a container. It then applies to all its subcommands.
  const flags = command.flags.filter((flag) => flag === 'module');
  return command.parts.map((part) => ({ ...part, flags: [...part.flags, ...flags] }));
}

function changes({ flags, categories, changesKeys }: Command): boolean {
  if (flags.includes('write') || flags.includes('module')) return true;
  return changesKeys && !categories.includes('@scripting');
}

function commandOf(reply: readonly unknown[]): Command {
  const [name, arity, flags, first, , , categories, , specs, parts] = reply;
  return {
    name: String(name),
    arity: Number(arity),
    firstKey: (flags as readonly string[]).includes('movablekeys') ? 0 : Number(first),
    flags: flags as readonly string[],
    categories: categories as readonly string[],
    changesKeys: (specs as readonly (readonly unknown[])[]).some((spec) => hasFlag(spec, CHANGING)),
    passesForReading:
      (categories as readonly string[]).includes('@read') ||
      (flags as readonly string[]).includes('readonly'),
    needsWriteRight: (specs as readonly (readonly unknown[])[]).some((spec) => hasFlag(spec, WRITE_RIGHT)),
    parts: ((parts ?? []) as readonly (readonly unknown[])[]).map(commandOf),
  };
}

const CHANGING = ['RW', 'OW', 'RM', 'insert', 'update', 'delete'];

/** Flags of a key description for which the server demands the right to write the key. */
const WRITE_RIGHT = ['insert', 'update', 'delete'];

function hasFlag(spec: readonly unknown[], wanted: readonly string[]): boolean {
  const flags = spec[spec.indexOf('flags') + 1];
  return Array.isArray(flags) && flags.some((flag) => wanted.includes(String(flag)));
}

/**
 * Returns for each denied command the words after ACL that ask the server whether the user may run it.
 *
 * @param key a key that the user may write, see `keyWithin`
 */
export function dryRunQuestions(user: string, key: string, denied: Denied): readonly string[][] {
  return denied.commands.map(({ name, arity }) => {
    const words = name.split('|');
    // The number of words must be valid. Otherwise the server refuses the call before it checks any right.
    const rest = Array.from({ length: Math.max(0, Math.abs(arity) - words.length) }, () => key);
    return ['DRYRUN', user, ...words, ...rest];
  });
}

/**
 * Returns the first command whose denial is not proven; `null` = the denial of each is proven. Only the answer that the
 * user may not run the command proves it. If the answer is about a key, the command itself is allowed. An error proves
 * nothing, and unknown counts as open.
 *
 * @param answers answers to `dryRunQuestions`, in the same order
 */
export function firstNotProvenDenied(
  answers: readonly [Error | null, unknown][],
  denied: Denied,
): string | null {
  const open = denied.commands.find(({ name }, i) => {
    const [error, answer] = answers[i] ?? [];
    return error !== null || !String(answer).endsWith(` has no permissions to run the '${name}' command`);
  });
  return open?.name ?? null;
}

/**
 * Returns a denied command that a rule allows again for one first argument, such as `+set|some-key`; `null` = none. A
 * question by ACL DRYRUN about another key does not show this right. A later word may deny the command again, and newer
 * servers list both words, so the words count in their order.
 */
export function givenForOneArgument(rule: readonly string[], { commands }: Denied): string | null {
  const end = rule.indexOf('clearselectors') + 1;
  const selectors = rule.slice(end).map((word) => word.slice(1, -1).split(' '));
  for (const words of [rule.slice(0, end), ...selectors]) {
    const given = givenIn(words).find((command) => commands.some(({ name }) => name === command));
    if (given !== undefined) return given;
  }
  return null;
}

function givenIn(words: readonly string[]): readonly string[] {
  const given = new Set<string>();
  for (const word of words) {
    const [, command] = /^\+([^|@]+)\|/.exec(word) ?? [];
    if (command !== undefined) given.add(command);
    else if (word === '-@all' || word === '-@write') given.clear();
    else if (word.startsWith('-')) given.delete(word.slice(1));
  }
  return [...given];
}

/** Asks the server about every denied command, for a user with its current rule. Returns the same as `notDenied`. */
export async function askWhatIsOpen(
  redis: Redis,
  user: string,
  key: string,
  denied: Denied,
): Promise<string | null> {
  const asked = redis.pipeline();
  for (const words of dryRunQuestions(user, key, denied)) asked.call('ACL', words);
  return firstNotProvenDenied((await asked.exec()) ?? [], denied);
}
