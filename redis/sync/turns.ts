import { MOST_BATCH_KEYS } from '../../domain/batch-keys.ts';
import { ABSENT, type Digest } from '../../domain/digest.ts';
import type { Side } from '../../domain/side.ts';
import { byteString } from '../key-bytes.ts';
import type { RunScript } from '../scripts/index.ts';
import type { Argument } from '../scripts/script-call.ts';
import { proofOf, type Reply, type SideState, statesOf } from './read-reply.ts';

/** Whom a call speaks for; '' where it has nothing to write, or no absence to prove. */
type Mandate = {
  readonly lease: string;
  readonly authority: string;
  readonly journal: string;
  readonly preimage: string;
  readonly token: string;
  readonly epoch: string;
};

export type Writing = Mandate & { readonly keys: readonly string[]; readonly args: readonly Argument[] };
type Proofs = { readonly lease: string; readonly record: string } | null;
type Kind = 'write' | 'glance' | 'read';

type Part = {
  readonly kind: Kind;
  readonly count: number;
  /** Of values to write. */
  readonly bytes: number;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  readonly mandate: Mandate | null;
  readonly proofs: Proofs;
  readonly answer: (answer: never) => void;
  readonly fail: (error: unknown) => void;
};

/** Batches that one call holds at most, a write and a read. Of 64 keys that are small they take 1 ms of server time. */
const MOST_BATCHES = 2;
/** Values that one call writes at most: what they cost the server grows with their bytes, not with the keys (L14). */
export const MOST_BYTES = 256 * 1024;
/** How long a glance waits for a call to ride along with: nobody is in a hurry for it. */
const GLANCE_WAITS_MS = 3;
/** A letter, and the state that was left. */
const WORD = 1 + ABSENT.length;
const NOBODY: Mandate = { lease: '', authority: '', journal: '', preimage: '', token: '', epoch: '' };

/**
 * What is asked of one server in one turn of the event loop goes as one call of redis/scripts/turn.lua: with small
 * batches it is calls that cost, on both ends, not keys. A glance rides along with the next call there is.
 */
export class Turns {
  readonly #run: RunScript;
  readonly #side: Side;
  #parts: Part[] = [];
  #sending = false;
  #timer: NodeJS.Timeout | null = null;
  /** Keys of a batch now (`Batch`). */
  batchKeys = MOST_BATCH_KEYS;

  constructor(run: RunScript, side: Side) {
    this.#run = run;
    this.#side = side;
  }

  /** @returns a word for each write (redis/scripts/apply.lua) */
  write({ keys, args, ...mandate }: Writing): Promise<readonly string[]> {
    const bytes = args.reduce<number>((sum, arg) => sum + (typeof arg === 'string' ? 0 : arg.length), 0);
    return this.#add({ kind: 'write', count: keys.length / 2, bytes, keys, args, mandate, proofs: null });
  }

  glance(keys: readonly string[]): Promise<readonly Digest[]> {
    return this.#add({
      kind: 'glance',
      count: keys.length,
      bytes: 0,
      keys,
      args: [],
      mandate: null,
      proofs: null,
    });
  }

  /** @returns `null` where the call had done enough */
  read(
    keys: readonly string[],
    args: readonly string[],
    proofs: Proofs,
  ): Promise<readonly (SideState | null)[]> {
    return this.#add({ kind: 'read', count: args.length, bytes: 0, keys, args, mandate: null, proofs });
  }

  #add<Answer>(part: Omit<Part, 'answer' | 'fail'>): Promise<Answer> {
    return new Promise<Answer>((answer, fail) => {
      this.#parts.push({ ...part, answer: answer as Part['answer'], fail });
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
      const seen = { nowMs: Number(String(now)), proof: proofOf(String(proof)) };
      answerReads(reads, statesOf(seen, byteString(heads as Buffer), values));
    } catch (error) {
      for (const part of parts) part.fail(error);
    }
  }

  #asked(writes: readonly Part[], glances: readonly Part[], reads: readonly Part[]) {
    const { authority, journal, preimage, token, epoch, ...mandate } = writes[0]?.mandate ?? NOBODY;
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

/** Parts that one call can hold: not too many, and all for one mandate and one proof. */
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

/** A text of one letter says it for all. */
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
