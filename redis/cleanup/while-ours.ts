import { claimProblem, type Holder } from '../../domain/authority/claim.ts';
import { AUTHORITY_KEY, CLAIM_KEY } from '../../domain/keys/keyspace.ts';
import { type AuthorityRecord, isKnown } from '../../domain/authority/authority-record.ts';
import { AuthorityMoved, readAuthority } from '../state/authority.ts';
import { WrongStore } from '../state/claim.ts';
import { chunksOf, keyBytes } from '../client/key-bytes.ts';
import { RoutedRedis, unlinkAll } from '../client/cluster-client.ts';
import { loadScripts, type RunScript } from '../scripts/runner.ts';
import type { OpenStore } from '../client/stores.ts';

/**
 * Most names and values in one call. A script takes some thousands of words, and one call keeps the server busy for a
 * millisecond at most.
 */
const MOST_FIELDS = 1_000;

/**
 * A store, with the claim and the authority record that it must still hold while we move and delete our records there.
 */
export type WhileOurs = OpenStore & {
  /** Text of the claim; '' = the store holds none. */
  readonly claim: string;
  /** The authority record; `null` = it is not compared. */
  readonly serving: AuthorityRecord | null;
  readonly run: RunScript;
};

/**
 * Reads the claim with which the server compares each command of this step. A worker that stood still may go on after
 * the stores were released and claimed by a new run. Without the comparison it would delete the records of that run.
 *
 * @param serving the authority record that the store must hold; `null` = it is not compared
 * @param holder `null` = any claim counts as ours
 * @throws WrongStore the store holds the claim of another run
 */
export async function asOurs(
  one: OpenStore,
  serving: AuthorityRecord | null,
  holder: Holder | null,
): Promise<WhileOurs> {
  const text = await one.redis.get(CLAIM_KEY);
  const problem = holder && claimProblem(text, holder, one.store);
  if (problem?.kind === 'wrong') throw new WrongStore(problem.sentence);
  return { ...one, claim: text ?? '', serving, run: await loadScripts(one.redis) };
}

/**
 * Deletes keys of ours.
 *
 * @throws WrongStore, AuthorityMoved the keys are no longer ours, and stay as they are
 */
export async function dropKeys(ours: WhileOurs, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  if (ours.redis instanceof RoutedRedis) {
    await assertOurs(ours);
    return unlinkAll(ours.redis, names.map(keyBytes));
  }
  await whileOurs(ours, 'UNLINK', names, []);
}

/**
 * Writes fields of a hash: names and values in turn.
 *
 * @throws WrongStore, AuthorityMoved the hash is no longer ours, and nothing more was written
 */
export async function writeFields(ours: WhileOurs, key: string, fields: readonly Buffer[]): Promise<void> {
  for (const some of chunksOf(fields, MOST_FIELDS)) await whileOurs(ours, 'HSET', [key], some);
}

/**
 * Writes a text.
 *
 * @throws WrongStore, AuthorityMoved the key is no longer ours, and nothing was written
 */
export async function writeText(ours: WhileOurs, key: string, text: string): Promise<void> {
  if (ours.redis instanceof RoutedRedis) {
    await assertOurs(ours);
    await ours.redis.set(key, text);
    return;
  }
  await whileOurs(ours, 'SET', [key], [Buffer.from(text)]);
}

/** Runs one command. The server compares claim and record in the same atomic step. */
async function whileOurs(
  ours: WhileOurs,
  command: 'UNLINK' | 'HSET' | 'SET',
  keys: readonly string[],
  rest: readonly Buffer[],
): Promise<void> {
  const { run, claim, serving } = ours;
  const said = await run(
    'whileOurs',
    [CLAIM_KEY, AUTHORITY_KEY, ...keys],
    [claim, serving?.side ?? '', String(serving?.epoch ?? ''), command, ...rest],
  );
  if (Number(said) !== 1) await refuse(ours);
}

/**
 * On a cluster the claim and the record are on one node, so a script on another node cannot compare them. They are read
 * right before the command instead.
 */
async function assertOurs(ours: WhileOurs): Promise<void> {
  const { redis, claim, serving } = ours;
  if (((await redis.get(CLAIM_KEY)) ?? '') !== claim) await refuse(ours);
  const said = serving && (await readAuthority(redis));
  if (serving && (said === null || !isKnown(said, serving))) throw new AuthorityMoved(said, serving);
}

async function refuse({ redis, store, claim, serving }: WhileOurs): Promise<never> {
  const found = (await redis.get(CLAIM_KEY)) ?? '';
  if (found !== claim || serving === null)
    throw new WrongStore(`store ${store.name} was given free meanwhile: nothing more of it is dropped`);
  throw new AuthorityMoved(await readAuthority(redis), serving);
}
