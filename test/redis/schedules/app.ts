import type { Redis } from 'ioredis';
import type { Side } from '../../../domain/side.ts';
import { OBSERVE, type Seen, seenOf, upForm } from './seen.ts';
import { type Act, type Name, nameOn, type Word } from './writes.ts';

/** One acknowledged write at one key: what it found, what it left, both in V2 form. */
export type Write = {
  readonly id: string;
  readonly side: Side;
  readonly key: string;
  readonly before: Seen;
  readonly after: Seen;
  /** It left the state that it found, spelled otherwise: a change for the side, and none in V2 form. */
  readonly respelled: boolean;
  /** The act as it was sent, for whoever reads a failed schedule. */
  readonly what: string;
  readonly ackedMs: number;
};

/**
 * Runs commands in one atomic step and tells the keys' states around them. Two words of its own: ONLY removes a key
 * of another type, EXISTING ends the act when there is no such key.
 */
const ACT = `${OBSERVE}
local before, after = {}, {}
for i = 1, #KEYS do before[i] = observe(KEYS[i]) end
local at = 1
while at <= #ARGV do
  local words = {}
  for i = 1, tonumber(ARGV[at]) do words[i] = ARGV[at + i] end
  at = at + #words + 1
  local kind = words[2] and redis.call('TYPE', words[2]).ok
  if words[1] == 'ONLY' then
    if kind ~= words[3] then redis.call('DEL', words[2]) end
  elseif words[1] == 'EXISTING' then
    if kind == 'none' then break end
  else
    redis.call(unpack(words))
  end
end
for i = 1, #KEYS do after[i] = observe(KEYS[i]) end
return { before, after }`;

/** An app of one side: what it was told OK for stands in its log. */
export class App {
  readonly writes: Write[] = [];
  readonly #side: Side;
  readonly #redis: () => Redis;

  /** @param redis the connection to write on, looked up at each act: it is another one after a restart */
  constructor(side: Side, redis: () => Redis) {
    this.#side = side;
    this.#redis = redis;
  }

  /** @returns whether it was acknowledged; a refusal by the fence is not */
  async act(id: string, { keys, commands }: Act): Promise<boolean> {
    const args = commands.flatMap((words) => [
      String(words.length),
      ...words.map((word) => this.#bytes(word)),
    ]);
    const names = keys.map((key) => nameOn(key, this.#side));
    try {
      const reply = (await this.#redis().callBuffer('EVAL', [
        ACT,
        String(names.length),
        ...names,
        ...args,
      ])) as Buffer[][][];
      const [before = [], after = []] = reply;
      for (const [i, name] of keys.entries()) this.#note(id, name, before[i] ?? [], after[i] ?? [], commands);
      return true;
    } catch (error) {
      if (/NOPERM|can't run this command/.test(String(error))) return false;
      throw error;
    }
  }

  #note(id: string, name: Name, before: Buffer[], after: Buffer[], commands: Act['commands']): void {
    const [found, left] = [seenOf(before), seenOf(after)];
    if (isSame(found, left)) return;
    const inUpForm = (seen: Seen) => (name.dataset === 'match' ? upForm(seen) : seen);
    const what = commands.map((words) => words.slice(0, 3).map(shown).join(' ')).join(' ; ');
    this.writes.push({
      id,
      side: this.#side,
      key: name.source,
      before: inUpForm(found),
      after: inUpForm(left),
      respelled: isSame(inUpForm(found), inUpForm(left)),
      what,
      ackedMs: Date.now(),
    });
  }

  #bytes(word: Word): Buffer {
    return typeof word === 'string' ? Buffer.from(word, 'latin1') : nameOn(word, this.#side);
  }
}

function isSame(one: Seen, other: Seen): boolean {
  return one.content === other.content && one.expireAt === other.expireAt;
}

function shown(word: Word): string {
  return (typeof word === 'string' ? word : word.source).slice(0, 40);
}
