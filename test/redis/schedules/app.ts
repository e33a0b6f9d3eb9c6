import type { Redis } from 'ioredis';
import type { Side } from '../../../domain/plan/plan.ts';
import { OBSERVE, type Seen, seenOf, upForm } from './seen.ts';
import { type Act, type Name, nameOn, type Word } from './writes.ts';

/** One acknowledged write at one key: the state that it found and the state that it left, both in V2 form. */
export type Write = {
  readonly id: string;
  readonly side: Side;
  readonly key: string;
  readonly before: Seen;
  readonly after: Seen;
  /** It changed only the spelling of names: the side sees a change, but the V2 form is the same. */
  readonly respelled: boolean;
  /** The act as it was sent; it helps to explain a failed schedule. */
  readonly what: string;
  readonly ackedMs: number;
};

/**
 * Runs commands in one atomic step and returns the states of the keys before and after. It has commands of its own:
 * - ONLY removes a key of another type. EXISTING ends the act if the key does not exist.
 * - GROUP creates a group of a stream, and a consumer of it, unless they exist.
 * - READ reads some new messages. AGAIN reads some pending messages of the consumer again.
 * - ACK acknowledges the oldest pending messages of a group. CLAIM gives them to a consumer.
 * - AHEAD raises the last id of a stream.
 *
 * Some changes are not written to the append-only file, so a killed server forgets them even without jday: a consumer
 * whose read found nothing, how often a message was read again, and on Redis 7.0 the number of entries that a group has
 * read. So the script makes each of these changes again, by a command that is written to the file.
 */
const ACT = `${OBSERVE}
local before, after = {}, {}
for i = 1, #KEYS do before[i] = observe(KEYS[i]) end
local at = 1
while at <= #ARGV do
  local words = {}
  for i = 1, tonumber(ARGV[at]) do words[i] = ARGV[at + i] end
  at = at + #words + 1
  if words[1] == 'ONLY' then
    if redis.call('TYPE', words[2]).ok ~= words[3] then redis.call('DEL', words[2]) end
  elseif words[1] == 'EXISTING' then
    if redis.call('EXISTS', words[2]) == 0 then break end
  elseif words[1] == 'GROUP' then
    if not has_group(words[2], words[3]) then redis.call('XGROUP', 'CREATE', words[2], words[3], '0', 'MKSTREAM') end
    if words[4] then redis.call('XGROUP', 'CREATECONSUMER', words[2], words[3], words[4]) end
  elseif words[1] == 'READ' then
    redis.call('XREADGROUP', 'GROUP', words[3], words[4], 'COUNT', words[5], 'STREAMS', words[2], '>')
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', words[2])) do
      local last, read = field_of(group, 'last-delivered-id'), field_of(group, 'entries-read')
      if field_of(group, 'name') == words[3] and read ~= 'unknown' then
        redis.call('XGROUP', 'SETID', words[2], words[3], last, 'ENTRIESREAD', read)
      end
    end
  elseif words[1] == 'AGAIN' then
    local read = redis.call('XREADGROUP', 'GROUP', words[3], words[4], 'COUNT', words[5], 'STREAMS', words[2], '0')
    for _, entry in ipairs(read and read[1][2] or {}) do
      redis.call('XCLAIM', words[2], words[3], words[4], 0, entry[1])
    end
  elseif words[1] == 'AHEAD' then
    local last = field_of(redis.call('XINFO', 'STREAM', words[2]), 'last-generated-id')
    redis.call('XSETID', words[2], string.format('%.0f-0', string.match(last, '^%d+') + 1))
  elseif words[1] == 'ACK' or words[1] == 'CLAIM' then
    for _, one in ipairs(redis.call('XPENDING', words[2], words[3], '-', '+', words[4])) do
      if words[1] == 'ACK' then redis.call('XACK', words[2], words[3], one[1])
      else redis.call('XCLAIM', words[2], words[3], words[5], 0, one[1]) end
    end
  else
    redis.call(unpack(words))
  end
end
for i = 1, #KEYS do after[i] = observe(KEYS[i]) end
return { before, after }`;

/** The answers to a command that the fence denies. A denied key is not listed here: it is an error of the test. */
const REFUSED = /can't run this command|no permissions to run/;

/** An app of one side. `writes` holds every write that the server has acknowledged. */
export class App {
  readonly writes: Write[] = [];
  readonly #side: Side;
  readonly #redis: () => Redis;

  /** @param redis gives the connection to write on; called at each act, because a restart replaces the connection */
  constructor(side: Side, redis: () => Redis) {
    this.#side = side;
    this.#redis = redis;
  }

  /** @returns whether the server acknowledged the act; `false` = the fence refused it */
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
      if (REFUSED.test(String(error))) return false;
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
