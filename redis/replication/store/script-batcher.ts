import { MOST_BATCH_KEYS, nextBatchKeys } from '../../../domain/plan/throttle.ts';
import { ABSENT, type Digest } from '../../../domain/protocol/protocol.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { byteString } from '../../client/key-bytes.ts';
import type { RunScript } from '../../scripts/runner.ts';
import type { Argument } from '../../scripts/script-call.ts';
import { isRefusedKey } from './failure-kinds.ts';
import { proofOf, type Reply, type SideState, statesOf } from './state-codec.ts';
import type { Redis } from 'ioredis';
import { nodesOf } from '../../client/cluster-client.ts';

/**
 * The attempt that a call writes for: its token, epoch and keys of its records. All are '' in a call without writes.
 */
type Mandate = {
  readonly lease: string;
  readonly authority: string;
  readonly journal: string;
  readonly preimage: string;
  readonly token: string;
  readonly epoch: string;
};

type Writing = Mandate & { readonly keys: readonly string[]; readonly args: readonly Argument[] };
type Proofs = { readonly lease: string; readonly record: string } | null;
type Kind = 'write' | 'glance' | 'read';

type Part = {
  readonly kind: Kind;
  readonly count: number;
  /** Size of the values to write, bytes. */
  readonly bytes: number;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  readonly mandate: Mandate | null;
  readonly proofs: Proofs;
  readonly answer: (answer: never) => void;
  readonly fail: (error: unknown) => void;
};
type Asked = Omit<Part, 'bytes' | 'answer' | 'fail'>;

/** The most batches in one call: a write and a read. With 64 small keys each they take 1 ms of server time. */
const MOST_BATCHES = 2;
/** The most bytes of values in one call. The server's work grows with these bytes, not only with the keys. */
export const MOST_BYTES = 256 * 1024;
/** Longest time that a state check waits for a call that takes it along, ms. A state check is not urgent. */
const GLANCE_WAITS_MS = 3;
/** Length of an answer to a write, bytes: a letter, then the state that the write left. */
const WORD = 1 + ABSENT.length;
const NO_MANDATE: Mandate = { lease: '', authority: '', journal: '', preimage: '', token: '', epoch: '' };

/**
 * Collects all that the attempt asks of one server in one turn of the event loop, and sends it as one call of
 * redis/scripts/turn.lua. With small batches the calls cost time on both ends, not the keys. A state check (glance)
 * goes along with the next call.
 */
export class ScriptBatcher {
  readonly #run: RunScript;
  readonly #side: Side;
  #parts: Part[] = [];
  #sending = false;
  #timer: NodeJS.Timeout | null = null;
  /** Keys of a batch at this moment (`BatchSize`). */
  batchKeys = MOST_BATCH_KEYS;

  constructor(run: RunScript, side: Side) {
    this.#run = run;
    this.#side = side;
  }

  /** @returns an answer for each write, as redis/scripts/apply.lua describes it, without `W`: that write is sent again */
  write({ keys, args, ...mandate }: Writing): Promise<readonly string[]> {
    const asked = { kind: 'write', count: keys.length / 2, keys, args, mandate, proofs: null } as const;
    return this.#addWhole(asked, (word: string) => word.startsWith('W'));
  }

  checkStates(keys: readonly string[]): Promise<readonly Digest[]> {
    return this.#add({
      kind: 'glance',
      count: keys.length,
      keys,
      args: [],
      mandate: null,
      proofs: null,
    });
  }

  /** @returns a state for each key */
  async read(
    keys: readonly string[],
    args: readonly string[],
    proofs: Proofs,
  ): Promise<readonly SideState[]> {
    const asked = { kind: 'read', count: args.length, keys, args, mandate: null, proofs } as const;
    const states = await this.#addWhole<SideState | null>(asked, (state) => state === null);
    return states as readonly SideState[];
  }

  /**
   * Asks again for the items that the server left out. A server leaves items out when the call has done enough, so that
   * its apps need not wait.
   */
  async #addWhole<Answer>(asked: Asked, isLeftOut: (answer: Answer) => boolean): Promise<readonly Answer[]> {
    const answers = await this.#add<readonly Answer[]>(asked);
    if (!answers.some(isLeftOut)) return answers;
    const rest = await this.#addWhole(
      itemsOf(asked, (i) => isLeftOut(answers[i] as Answer)),
      isLeftOut,
    );
    const late = rest.values();
    return answers.map((answer) => (isLeftOut(answer) ? (late.next().value as Answer) : answer));
  }

  #add<Answer>(part: Asked): Promise<Answer> {
    return new Promise<Answer>((answer, fail) => {
      this.#parts.push({ ...part, bytes: bytesOf(part.args), answer: answer as Part['answer'], fail });
      if (part.kind === 'glance') this.#timer ??= setTimeout(() => this.#send(), GLANCE_WAITS_MS);
      else if (!this.#sending) {
        this.#sending = true;
        setImmediate(() => this.#send());
      }
    });
  }

  #send(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sending = false;
    const parts = this.#parts;
    this.#parts = [];
    for (const call of callsOf(parts, MOST_BATCHES * this.batchKeys)) void this.#call(call);
  }

  async #call(parts: readonly Part[]): Promise<void> {
    const [writes, glances, reads] = (['write', 'glance', 'read'] as const).map((kind) =>
      parts.filter((part) => part.kind === kind),
    ) as [Part[], Part[], Part[]];
    try {
      const { keys, args } = this.#asked(writes, glances, reads);
      const reply = (await this.#run('turn', keys, args, writes.length === 0)) as Reply[];
      const [words, states, now, heads, proof, ...values] = reply;
      answerTexts(writes, byteString(words as Buffer), WORD);
      answerTexts(glances, byteString(states as Buffer), ABSENT.length);
      if (reads.length === 0) return;
      const proven = reads[0]?.proofs ? proofOf(String(proof)) : { lease: null, proof: null };
      const seen = { nowMs: Number(String(now)), ...proven };
      answerReads(reads, statesOf(seen, byteString(heads as Buffer), values));
    } catch (error) {
      // One refused key fails the whole call, with all batches in it, and would do so at each retry. So each part goes
      // again in a call of its own. A write that was already done is then refused as stale, because every write
      // compares first.
      if (parts.length > 1 && isRefusedKey(error)) for (const part of parts) void this.#call([part]);
      else for (const part of parts) part.fail(error);
    }
  }

  #asked(writes: readonly Part[], glances: readonly Part[], reads: readonly Part[]) {
    const { authority, journal, preimage, token, epoch, ...mandate } = writes[0]?.mandate ?? NO_MANDATE;
    const proofs = reads[0]?.proofs;
    const keys = [mandate.lease || (proofs?.lease ?? ''), authority, journal, preimage, proofs?.record ?? ''];
    const counts = [writes, glances, reads].map((some) => String(countOf(some)));
    const args: Argument[] = [token, epoch, this.#side, ...counts, proofs ? '1' : '0'];
    for (const part of [...writes, ...glances, ...reads]) {
      for (const key of part.keys) keys.push(key);
      for (const arg of part.args) args.push(arg);
    }
    return { keys, args };
  }
}

/** The part with only some of its items. Each item of a part has as many keys and arguments as every other. */
function itemsOf(asked: Asked, wanted: (item: number) => boolean): Asked {
  const pick = <T>(all: readonly T[]) =>
    all.filter((_one, i) => wanted(Math.floor((i * asked.count) / all.length)));
  const keys = pick(asked.keys);
  return { ...asked, count: (keys.length * asked.count) / asked.keys.length, keys, args: pick(asked.args) };
}

function bytesOf(args: readonly Argument[]): number {
  return args.reduce<number>((sum, arg) => sum + (typeof arg === 'string' ? 0 : arg.length), 0);
}

/**
 * Groups the parts into calls. A call holds at most `most` keys and `MOST_BYTES` of values. All its writes have the
 * same epoch, and either all of its reads want a proof or none does.
 */
function callsOf(parts: readonly Part[], most: number): readonly Part[][] {
  const calls: Part[][] = [];
  for (const part of parts) {
    const last = calls.at(-1);
    if (last && fits(last, part, most)) last.push(part);
    else calls.push([part]);
  }
  return calls;
}

function fits(call: readonly Part[], part: Part, most: number): boolean {
  if (countOf(call) + part.count > most) return false;
  if (call.reduce((sum, { bytes }) => sum + bytes, part.bytes) > MOST_BYTES) return false;
  return call.every((other) => agrees(other, part));
}

function agrees(one: Part, other: Part): boolean {
  if (one.mandate && other.mandate && one.mandate.epoch !== other.mandate.epoch) return false;
  const reads = one.kind === 'read' && other.kind === 'read';
  return !reads || (one.proofs === null) === (other.proofs === null);
}

function countOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

/** Gives each part its texts. When the whole answer is one letter, that letter is the answer to every write. */
function answerTexts(parts: readonly Part[], text: string, size: number): void {
  const forAll = text.length === 1;
  let at = 0;
  for (const { count, answer } of parts) {
    const texts: string[] = [];
    for (let i = 0; i < count; i++, at += size) texts.push(forAll ? text : text.slice(at, at + size));
    answer(texts as never);
  }
}

function answerReads(parts: readonly Part[], states: readonly (SideState | null)[]): void {
  let at = 0;
  for (const { count, answer } of parts) {
    answer(states.slice(at, at + count) as never);
    at += count;
  }
}

/**
 * Decides how many keys a call may hold, from the script time that the servers count themselves. `INFO commandstats`
 * costs 10 µs once a second. A script cannot measure its own time (docs/decisions/0009). The servers count the scripts
 * of apps too: batches then become smaller than necessary, never larger.
 */
export class BatchSize {
  keys = MOST_BATCH_KEYS;
  #looked = 0;
  readonly #spent = new Map<Side, number>();

  looked(keys: number): void {
    this.#looked += keys;
  }

  /** Adapts `keys` to the script time since the last call. The caller calls it about once a second. */
  async adapt(servers: Readonly<Record<Side, Redis>>, batchMs: number): Promise<void> {
    const looked = this.#looked;
    this.#looked = 0;
    const micros = [
      await this.#spentOn('source', servers.source),
      await this.#spentOn('target', servers.target),
    ];
    const known = micros.filter((spent) => spent !== null);
    const keyMicros = looked === 0 || known.length === 0 ? null : Math.max(...known) / looked;
    this.keys = nextBatchKeys(this.keys, keyMicros, batchMs);
  }

  /** Script time since the last call, µs; `null` = unknown: the first call, or an operator has reset the count. */
  async #spentOn(side: Side, redis: Redis): Promise<number | null> {
    const stats = await Promise.all(nodesOf(redis).map((node) => node.redis.info('commandstats')));
    const counted = [...stats.join('\n').matchAll(/^cmdstat_evalsha(?:_ro)?:.*?usec=(\d+)/gm)];
    const now = counted.reduce((sum, [, micros]) => sum + Number(micros), 0);
    const before = this.#spent.get(side);
    this.#spent.set(side, now);
    return before === undefined || now < before ? null : now - before;
  }
}
