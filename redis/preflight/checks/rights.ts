import { makeKeyMap } from '../../../domain/keys/key-map.ts';
import { answerKind } from '../../client/server-answer.ts';
import { alert, type CheckFinding, green, reasonOf, red, type ServerUnderTest } from '../finding.ts';
import type { NamedCheck, PreflightWorld } from '../world.ts';

const EXPECTED = 'our user may run every command that the migration needs, on its keys';

export const RIGHTS: NamedCheck = {
  name: 'rights',
  scope: 'server',
  looksAt:
    'each command we send, by ACL DRYRUN as our own user; our prefix, the datasets’ keys and the channel of changes',
  look: async (subject, world) => {
    const me = await whoWeAre(subject);
    if (typeof me !== 'string') {
      return alert(
        `rights could not be asked: ${me.why}`,
        EXPECTED,
        `${me.grantable ? 'Grant +acl|whoami +acl|dryrun, or make' : 'Make'} sure yourself that docs/preflight.md’s list is granted.`,
      );
    }
    const { absent, denied } = await missingCommands(subject, world, me);
    if (absent.length > 0 || denied.length > 0) return lacking(absent, denied);
    const keys = await deniedKeys(subject, world, me);
    if (keys.length > 0) {
      const remedy =
        'Grant the user ~* and &__redis__:invalidate, or at least jday:* and the datasets’ patterns.';
      return red(`no access to ${keys.join(', ')}`, EXPECTED, remedy);
    }
    return green(`${NEEDED_COMMANDS.length} commands allowed`, EXPECTED);
  },
};

/** Returns the name of our own ACL user; `null` = the server does not answer questions about rights. */
export async function ourUser(subject: ServerUnderTest): Promise<string | null> {
  const me = await whoWeAre(subject);
  return typeof me === 'string' ? me : null;
}

/** Returns the name of our own ACL user; or why the server does not answer, and whether a right would help. */
async function whoWeAre({
  redis,
}: ServerUnderTest): Promise<string | { readonly why: string; readonly grantable: boolean }> {
  try {
    const me = String(await redis.call('ACL', 'WHOAMI'));
    await redis.call('ACL', 'DRYRUN', me, 'PING');
    return me;
  } catch (error) {
    const kind = answerKind(error);
    if (kind !== 'denied' && kind !== 'no such command') throw error;
    return { why: reasonOf(error), grantable: kind === 'denied' };
  }
}

type Missing = readonly [command: string, purpose: Purpose];

/** Returns the commands that the server does not have, and those that our user may not run, each with its purpose. */
async function missingCommands(
  subject: ServerUnderTest,
  world: PreflightWorld,
  me: string,
): Promise<{ readonly absent: readonly Missing[]; readonly denied: readonly Missing[] }> {
  const probe = world.keyspace.probe('rights');
  const [absent, refused]: [Missing[], Missing[]] = [[], []];
  const denied = async (command: string, arity: number) => {
    const words = command.split('|');
    // DRYRUN accepts only a valid call, so we add words until the command has the fewest that it takes.
    const filler = Array.from({ length: Math.max(0, Math.abs(arity) - words.length) }, () => probe);
    return (await dryRun(subject, me, [...words, ...filler])) === 'command';
  };
  for (const [purpose, commands] of Object.entries(COMMANDS_BY_PURPOSE) as [Purpose, readonly string[]][]) {
    // The server may need one of these two commands, or neither. The check `saved fence` decides that.
    if (purpose === 'save the fence') continue;
    if (purpose === 'fence the apps' && subject.store.appUsers.length === 0) continue;
    for (const [command, arity] of await arities(subject, commands)) {
      if (arity === 0) absent.push([command, purpose]);
      else if (await denied(command, arity)) refused.push([command, purpose]);
    }
  }
  for (const [command, arity] of await arities(subject, FIELD_TTL_COMMANDS))
    if (arity !== 0 && (await denied(command, arity))) refused.push([command, 'find and read keys']);
  return { absent, denied: refused };
}

/** Returns the arity of each command on this server; 0 = the server does not have the command. */
async function arities({ redis }: ServerUnderTest, commands: readonly string[]): Promise<[string, number][]> {
  const replies = (await redis.call('COMMAND', 'INFO', ...commands)) as ([string, number] | null)[];
  return commands.map((command, index) => [command, replies[index]?.[1] ?? 0]);
}

async function deniedKeys(subject: ServerUnderTest, world: PreflightWorld, me: string): Promise<string[]> {
  const { store } = subject;
  const datasets = world.plan.datasets.filter(({ from }) => store.side === 'target' || from === store.name);
  const keys = makeKeyMap(datasets);
  const places: [string, string][] = [[world.keyspace.probe('rights'), 'our own prefix']];
  for (const dataset of datasets) {
    for (const pattern of keys.patterns(dataset, store.side))
      places.push([pattern, `the keys of ${dataset.name}`]);
  }
  const denied = new Set<string>();
  for (const [key, what] of places) {
    if ((await dryRun(subject, me, ['SET', key, 'x'])) !== null) denied.add(what);
  }
  const channel = await dryRun(subject, me, ['SUBSCRIBE', '__redis__:invalidate']);
  if (channel !== null) denied.add('the channel of changes');
  return [...denied];
}

/** Returns what the user lacks for a call; `null` = nothing. */
async function dryRun(
  { redis }: ServerUnderTest,
  user: string,
  words: readonly string[],
): Promise<'command' | 'key or channel' | null> {
  const answer = String(await redis.call('ACL', 'DRYRUN', user, ...words));
  if (answer === 'OK') return null;
  return /to access/.test(answer) ? 'key or channel' : 'command';
}

function lacking(absent: readonly Missing[], denied: readonly Missing[]): CheckFinding {
  const found = [
    ...(absent.length > 0 ? [`the server does not have ${namesOf(absent)}`] : []),
    ...[...new Set(denied.map(([, purpose]) => purpose))].map(
      (purpose) => `cannot ${purpose}: ${namesOf(denied.filter(([, of]) => of === purpose))}`,
    ),
  ];
  const remedies = [
    ...(absent.length > 0 ? ['Ask who runs this server: it may be too old, or hide these commands.'] : []),
    ...(denied.length > 0
      ? [`Run: ACL SETUSER <our user> ${denied.map(([command]) => `+${command}`).join(' ')}`]
      : []),
  ];
  return red(found.join('; '), EXPECTED, remedies.join(' '));
}

function namesOf(commands: readonly Missing[]): string {
  return commands.map(([name]) => name).join(', ');
}

/**
 * Every command that jday sends, by its purpose. The rehearsal builds its ACL user from this list, so a command that is
 * missing here fails there first. KEYS and FLUSH* must never be in it: we delete only what we wrote. No command may be
 * newer than Redis 7.0, whose ACL refuses names that it does not know.
 */
export const COMMANDS_BY_PURPOSE = {
  'connect and look around': [
    'ping',
    'select',
    'info',
    'time',
    'role',
    'command|info',
    'config|get',
    'client|id',
    'client|setname',
    'client|list',
    'dbsize',
    'memory|usage',
    'cluster|slots',
    'cluster|nodes',
  ],
  'see changes': ['client|tracking', 'client|trackinginfo', 'subscribe', 'unsubscribe'],
  'take backups': ['psync', 'replconf'],
  'find and read keys': [
    'scan',
    'type',
    'exists',
    'dump',
    'pexpiretime',
    'pttl',
    'object|encoding',
    'strlen',
    'get',
    'mget',
    'getrange',
    'hget',
    'hmget',
    'hgetall',
    'hlen',
    'hscan',
    'hexists',
    'hkeys',
    'hstrlen',
    'lrange',
    'llen',
    'lindex',
    'smembers',
    'sismember',
    'sscan',
    'scard',
    'zrange',
    'zscan',
    'zcard',
    'zscore',
    'xrange',
    'xlen',
    'xinfo|stream',
    'xinfo|groups',
    'xinfo|consumers',
    'xpending',
  ],
  'write keys': [
    'restore',
    'rename',
    'del',
    'unlink',
    'set',
    'setnx',
    'setrange',
    'append',
    'incr',
    'incrby',
    'hset',
    'hsetnx',
    'hdel',
    'hincrby',
    'rpush',
    'lpush',
    'lpop',
    'rpop',
    'lrem',
    'ltrim',
    'sadd',
    'srem',
    'zadd',
    'zrem',
    'xadd',
    'xdel',
    'xtrim',
    'xsetid',
    'xgroup|create',
    'xgroup|createconsumer',
    'xgroup|setid',
    'xclaim',
    'pexpire',
    'pexpireat',
    'persist',
  ],
  'write only what is still as it was read': [
    'eval',
    'evalsha',
    'eval_ro',
    'evalsha_ro',
    'script|load',
    'script|exists',
    'watch',
    'unwatch',
    'multi',
    'exec',
    'discard',
  ],
  'know our rights': ['acl|whoami', 'acl|dryrun'],
  'fence the apps': ['acl|list', 'acl|getuser', 'acl|setuser', 'acl|deluser', 'client|unblock'],
  'save the fence': ['acl|save', 'config|rewrite'],
  'move the authority': ['client|pause', 'client|unpause', 'client|kill'],
} as const;

/** Commands that are also needed if the server has them, for hashes whose fields have TTLs. */
export const FIELD_TTL_COMMANDS = ['hpexpiretime', 'hpexpireat'] as const;

type Purpose = keyof typeof COMMANDS_BY_PURPOSE;

/** All these commands by their ACL names. A `+` in front of each makes the rule of jday's own user. */
export const NEEDED_COMMANDS: readonly string[] = Object.values(COMMANDS_BY_PURPOSE).flat();
