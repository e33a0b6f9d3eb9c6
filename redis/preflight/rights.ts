import { makeKeyMap } from '../../domain/key-map.ts';
import { alert, type Finding, green, red } from './finding.ts';
import { COMMANDS_BY_PURPOSE, FIELD_TTL_COMMANDS, NEEDED_COMMANDS, type Purpose } from './needed-commands.ts';
import type { ServerUnderTest } from './subject.ts';
import type { NamedCheck, World } from './world.ts';

export { NEEDED_COMMANDS } from './needed-commands.ts';

const EXPECTED = 'our user may run every command that the migration needs, on its keys';

export const RIGHTS: NamedCheck = {
  name: 'rights',
  scope: 'server',
  looksAt:
    'each command we send, by ACL DRYRUN as our own user; our prefix, the datasets’ keys and the channel of changes',
  look: async (subject, world) => {
    const me = await ourUser(subject);
    if (me === null) {
      return alert(
        'ACL WHOAMI or ACL DRYRUN is refused, so rights could not be asked',
        EXPECTED,
        'Grant +acl|whoami +acl|dryrun, or make sure yourself that docs/preflight.md’s list is granted.',
      );
    }
    const missing = await missingCommands(subject, world, me);
    if (missing.length > 0) return lacking(missing);
    const keys = await deniedKeys(subject, world, me);
    if (keys.length > 0) {
      const remedy =
        'Grant the user ~* and &__redis__:invalidate, or at least jday:* and the datasets’ patterns.';
      return red(`no access to ${keys.join(', ')}`, EXPECTED, remedy);
    }
    return green(`${NEEDED_COMMANDS.length} commands allowed`, EXPECTED);
  },
};

/** Name of the user we are; `null` = the server does not answer questions about rights. */
export async function ourUser({ redis }: ServerUnderTest): Promise<string | null> {
  try {
    const me = String(await redis.call('ACL', 'WHOAMI'));
    await redis.call('ACL', 'DRYRUN', me, 'PING');
    return me;
  } catch (error) {
    if (/NOPERM|unknown (sub)?command/i.test(error instanceof Error ? error.message : '')) return null;
    throw error;
  }
}

/** Commands that may not be run or do not exist there, with what they are for. */
async function missingCommands(
  subject: ServerUnderTest,
  world: World,
  me: string,
): Promise<[string, Purpose][]> {
  const probe = world.keyspace.probe('rights');
  const missing: [string, Purpose][] = [];
  const denied = async (command: string, arity: number) => {
    const words = command.split('|');
    // DRYRUN wants a call that could be made: as many words as the command takes at least.
    const filler = Array.from({ length: Math.max(0, Math.abs(arity) - words.length) }, () => probe);
    return (await dryRun(subject, me, [...words, ...filler])) === 'command';
  };
  for (const [purpose, commands] of Object.entries(COMMANDS_BY_PURPOSE) as [Purpose, readonly string[]][]) {
    if (purpose === 'fence the apps' && subject.store.appUsers.length === 0) continue;
    for (const [command, arity] of await arities(subject, commands)) {
      if (arity === 0 || (await denied(command, arity))) missing.push([command, purpose]);
    }
  }
  for (const [command, arity] of await arities(subject, FIELD_TTL_COMMANDS))
    if (arity !== 0 && (await denied(command, arity))) missing.push([command, 'find and read keys']);
  return missing;
}

/** Arity of each command as the server has it; 0 = it does not have the command. */
async function arities({ redis }: ServerUnderTest, commands: readonly string[]): Promise<[string, number][]> {
  const replies = (await redis.call('COMMAND', 'INFO', ...commands)) as ([string, number] | null)[];
  return commands.map((command, index) => [command, replies[index]?.[1] ?? 0]);
}

async function deniedKeys(subject: ServerUnderTest, world: World, me: string): Promise<string[]> {
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

/** What the user lacks for a call; `null` = nothing. */
async function dryRun(
  { redis }: ServerUnderTest,
  user: string,
  words: readonly string[],
): Promise<'command' | 'key or channel' | null> {
  const answer = String(await redis.call('ACL', 'DRYRUN', user, ...words));
  if (answer === 'OK') return null;
  return /to access/.test(answer) ? 'key or channel' : 'command';
}

function lacking(missing: readonly [string, Purpose][]): Finding {
  const purposes = [...new Set(missing.map(([, purpose]) => purpose))];
  const found = purposes.map(
    (purpose) =>
      `cannot ${purpose}: ${missing
        .filter(([, of]) => of === purpose)
        .map(([name]) => name)
        .join(', ')}`,
  );
  const grants = missing.map(([command]) => `+${command}`).join(' ');
  return red(found.join('; '), EXPECTED, `Run: ACL SETUSER <our user> ${grants}`);
}
