import type { Redis } from 'ioredis';
import { commonKey } from '../../domain/keys/glob-overlap.ts';
import { toByteString } from '../../domain/keys/key-template.ts';
import type { OwnedKeys } from '../../domain/keys/writers.ts';
import { keyBytes } from '../client/key-bytes.ts';
import { isNoQuestion } from '../client/server-answer.ts';
import { type Denied, deniedOn } from './denied-commands.ts';

/** Commands whose other arguments say where the keys are: the arguments of a valid call, for one key. */
const MOVABLE: Readonly<Record<string, (key: Buffer) => readonly (string | Buffer)[]>> = {
  lmpop: (key) => ['1', key, 'LEFT'],
  blmpop: (key) => ['0', '1', key, 'LEFT'],
  zmpop: (key) => ['1', key, 'MIN'],
  bzmpop: (key) => ['0', '1', key, 'MIN'],
  migrate: (key) => ['h', '1', key, '0', '1'],
  msetex: (key) => ['1', key, 'v'],
  xreadgroup: (key) => ['GROUP', 'g', 'c', 'STREAMS', key, '>'],
  sort: (key) => [key, 'STORE', key],
  zunionstore: (key) => [key, '1', key],
  zinterstore: (key) => [key, '1', key],
  zdiffstore: (key) => [key, '1', key],
  georadius: (key) => [key, '0', '0', '1', 'm', 'STORE', key],
  georadiusbymember: (key) => [key, 'm', '1', 'm', 'STORE', key],
};

/**
 * Returns true if a user may change at least one key that the datasets own. The function finds a key that matches both
 * a pattern of the user and a pattern of a dataset, and asks the server (ACL DRYRUN) whether the user may change that
 * key.
 */
export async function mayWrite(redis: Redis, user: string, owned: readonly OwnedKeys[]): Promise<boolean> {
  const writable = await writablePatterns(redis, user);
  if (writable.length === 0) return false;
  const found = owned.flatMap(({ patterns, excludes }) =>
    patterns.flatMap((pattern) =>
      writable.map((mine) => commonKey([mine, pattern], excludes.map(toByteString))),
    ),
  );
  // The patterns are too complex to find a common key. Unknown counts as yes.
  if (found.some(({ kind }) => kind === 'unknown')) return true;
  const keys = new Set(found.flatMap((one) => (one.kind === 'key' ? [one.key] : [])));
  for (const key of keys) if (await maySome(redis, user, key, 'any')) return true;
  return false;
}

/**
 * Returns true if a user may run at least one command that changes this key. The function asks about every such command
 * of the server that names its key, because an administrator can also allow single commands. PFCOUNT does not count: it
 * changes what the key holds besides its value, and every reader may run it. An error that says that there is no such
 * user or command means no. Any other error is no answer, and is thrown.
 *
 * @param key byte string
 * @param by `write right` = without the commands for which the right to read the key is enough, such as XREADGROUP
 */
export async function maySome(
  redis: Redis,
  user: string,
  key: string,
  by: 'any' | 'write right',
): Promise<boolean> {
  const { commands } = await deniedOn(redis);
  const counted = commands.filter(
    ({ needsWriteRight, passesForReading }) => needsWriteRight || (by === 'any' && !passesForReading),
  );
  const asked = redis.pipeline();
  for (const words of callsOn(keyBytes(key), counted)) asked.call('ACL', ['DRYRUN', user, ...words]);
  const answers = (await asked.exec()) ?? [];
  const failure = answers.find(([error]) => error !== null && !isNoQuestion(error))?.[0];
  if (failure) throw failure;
  return answers.some(([error, answer]) => error === null && String(answer) === 'OK');
}

function callsOn(key: Buffer, commands: Denied['commands']): readonly (readonly (string | Buffer)[])[] {
  return commands.flatMap(({ name, arity, firstKey }) => {
    const words = name.split('|');
    const movable = MOVABLE[name];
    if (movable) return [[...words, ...movable(key)]];
    if (firstKey === 0) return [];
    // If a call may have more words than the minimum, send one more. The server checks no key of a PFMERGE that names
    // no source.
    const least = arity < 0 ? 1 - arity : arity;
    const rest = Math.max(firstKey + 1, least) - words.length;
    return [[...words, ...Array.from({ length: rest }, () => key)]];
  });
}

/**
 * Returns the patterns (byte strings) of the keys that a user may write, from its selectors too. Empty = it may write
 * none, or does not exist.
 */
async function writablePatterns(redis: Redis, user: string): Promise<readonly string[]> {
  const reply = (await redis.callBuffer('ACL', ['GETUSER', user])) as unknown[] | null;
  if (reply === null) return [];
  const selectors = (fieldOf(reply, /^selectors$/) ?? []) as unknown[][];
  return [reply, ...selectors].flatMap((permission) =>
    String(fieldOf(permission, /^keys$/) ?? '')
      .split(' ')
      .flatMap((word) => /^(?:~|%(?:W|RW|WR)~)(.+)$/s.exec(word)?.[1] ?? []),
  );
}

function fieldOf(reply: readonly unknown[], name: RegExp): unknown {
  const at = reply.findIndex((one, i) => i % 2 === 0 && name.test(String(one)));
  const value = at < 0 ? undefined : reply[at + 1];
  return Buffer.isBuffer(value) ? value.toString('latin1') : value;
}

/** Returns the names of the users that are enabled: ACL LIST shows them as `on`. */
export async function enabledUsers(redis: Redis): Promise<readonly string[]> {
  const lines = (await redis.call('ACL', ['LIST'])) as string[];
  return lines.map((line) => line.split(' ')).flatMap(([, user = '', on]) => (on === 'on' ? [user] : []));
}
