/**
 * The two-way sweep of one link (L13): every owned key of the source against the target, then the keys of the target
 * that the source did not show, with a re-check queue for what differed. It only reads.
 *
 * What it cannot see: a value changed and put back between two looks, and what SCAN does not promise to show: a key
 * that was not there throughout the scan. The next pass, or the check under the fence, sees those.
 */
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { Link } from '../../domain/link.ts';
import type { SettlingRules } from '../../domain/settling.ts';
import type { Side } from '../../domain/side.ts';
import type { VerifyStatus } from '../../domain/status.ts';
import { makeCensus, verdictOf } from './census.ts';
import { outcomesOf, type Outcome, type OutcomeContext } from './outcome.ts';
import type { Pace } from './pace.ts';
import { BATCH_KEYS, makePairs, type Pair, type Pairs } from './pairs.ts';
import { scanKeys } from './scan-keys.ts';
import { makeSeenKeys, type SeenKeys } from './seen-keys.ts';
import { makeUnsettledKeys, type UnsettledKeys } from './unsettled-keys.ts';

export type SweepOptions = {
  readonly link: Link;
  readonly keyspace: Keyspace;
  /** Connections of this sweep alone: nothing else may use them meanwhile. */
  readonly source: Redis;
  readonly target: Redis;
  readonly authority: () => Side;
  /** Names of the datasets that take part; asked at the beginning of each pass. */
  readonly joined: () => readonly string[];
  /** For source keys absent on the source: true where the ledger agrees on just that while V2 has a key of its own. */
  readonly agreedAbsentOnSource: (sourceKeys: readonly string[]) => Promise<readonly boolean[]>;
  /** True while the sync is known to be behind (restart, re-scan, breaker): differences stay pending meanwhile. */
  readonly behind?: () => boolean;
  readonly rules?: SettlingRules;
  /** Keys of one call. */
  readonly batchKeys?: number;
};

export const SETTLING = { retryWindowMs: 3_000, hotAfterChanges: 5 } satisfies SettlingRules;

/** About 60 MB of keys that differ; more are counted as pending and found again by the next pass. */
const MAX_UNSETTLED = 200_000;
/** Retry windows that a pass waits for its differences to settle. */
const PATIENCE = 3;
const SETTLE_POLL_MS = 20;

export class Sweep {
  readonly #options: SweepOptions;
  readonly #rules: SettlingRules;
  readonly #batchKeys: number;
  readonly #pairs: Pairs;
  readonly #context: OutcomeContext;
  readonly #unsettled: UnsettledKeys;
  readonly #census = makeCensus();
  #pass = 0;
  #covered: ReadonlySet<string> = new Set();

  constructor(options: SweepOptions) {
    const { link, keyspace, source, target, agreedAbsentOnSource } = options;
    this.#options = options;
    this.#rules = options.rules ?? SETTLING;
    this.#batchKeys = options.batchKeys ?? BATCH_KEYS;
    this.#pairs = makePairs(link, source, target);
    this.#context = { target, quarantine: keyspace.quarantine(link.name), agreedAbsentOnSource };
    this.#unsettled = makeUnsettledKeys(this.#rules, MAX_UNSETTLED);
  }

  status(): VerifyStatus {
    return this.#census.status(this.#options.link.name, Date.now(), this.#unsettled);
  }

  /** One complete pass; `tick` is called between batches. Ends when all it found is settled, or had time to be. */
  async pass(pace: Pace, tick: () => void, signal: AbortSignal): Promise<void> {
    const startedAt = Date.now();
    this.#cover(this.#options.joined());
    this.#pass++;
    this.#census.beginPass();
    const seen = makeSeenKeys(this.#pass);
    let looking = Promise.resolve();
    for (const side of ['source', 'target'] as const) {
      for await (const scanned of scanKeys(this.#options[side])) {
        const fresh = this.#newKeys(side, scanned, seen);
        await pace(scanned.length - fresh.length, signal);
        for (let from = 0; from < fresh.length; from += this.#batchKeys) {
          // Each at its time: a page at once would keep a server for as long as four calls take (L14).
          const keys = fresh.slice(from, from + this.#batchKeys);
          await pace(keys.length, signal);
          const next = this.#look(keys, () => this.#pass);
          // Its failure is met one batch later, in its turn.
          next.catch(() => {});
          await looking;
          looking = next;
        }
        await this.recheck(pace, signal, looking);
        tick();
      }
    }
    await looking;
    await this.#settleDown(pace, tick, signal);
    this.#census.endPass(startedAt, this.#isClean());
  }

  /**
   * Looks again at keys whose time has come, once the looks under way are over: of two looks at one key, the later must
   * have the last word.
   */
  async recheck(pace: Pace, signal: AbortSignal, underWay = Promise.resolve()): Promise<void> {
    const due = this.#unsettled.due(Date.now(), this.#batchKeys);
    if (due.length === 0) return;
    await underWay;
    await pace(due.length, signal);
    await this.#look(due, (key) => this.#unsettled.get(key)?.pass ?? 0);
  }

  /** A dataset that joins was not part of the last clean pass, so that pass proves nothing any more. */
  #cover(joined: readonly string[]): void {
    if (joined.some((name) => !this.#covered.has(name))) this.#census.forgetClean();
    this.#covered = new Set(joined);
    for (const [key, { dataset }] of this.#unsettled.entries()) {
      if (!this.#covered.has(dataset.name)) this.#unsettled.delete(key);
    }
  }

  /** Source names of the scanned keys that this pass covers and has not met yet. */
  #newKeys(side: Side, scanned: readonly string[], seen: SeenKeys): readonly string[] {
    const { keyMap } = this.#pairs;
    const fresh: string[] = [];
    for (const key of scanned) {
      const dataset = keyMap.owner(side, key);
      if (dataset === null || !this.#covered.has(dataset.name)) continue;
      const sourceKey = side === 'source' ? key : keyMap.counterpart(dataset, 'target', key);
      if (seen.add(sourceKey)) fresh.push(sourceKey);
    }
    return fresh;
  }

  async #look(keys: readonly string[], passOf: (key: string) => number): Promise<void> {
    const pairs = await this.#pairs.look(keys);
    const at = Date.now();
    const outcomes = await outcomesOf(pairs, at, this.#context);
    for (const [i, pair] of pairs.entries()) this.#take(pair, outcomes[i]!, at, passOf(pair.key));
  }

  #take(pair: Pair, outcome: Outcome, at: number, pass: number): void {
    const before = this.#unsettled.get(pair.key);
    if (outcome === 'different' || outcome === 'quarantined') {
      const quarantined = outcome === 'quarantined';
      const authority = this.#options.authority();
      const behind = this.#options.behind?.() ?? false;
      const queued = this.#unsettled.put({ pair, quarantined, at, authority, behind, pass });
      if (before === undefined) this.#census.differs(pair.dataset, queued);
      return;
    }
    this.#unsettled.delete(pair.key);
    if (outcome !== 'equal') return;
    if (pass === this.#pass) this.#census.equalInPass(pair.dataset, before !== undefined);
    else this.#census.equalAgain(pair.dataset);
  }

  async #settleDown(pace: Pace, tick: () => void, signal: AbortSignal): Promise<void> {
    const until = Date.now() + PATIENCE * this.#rules.retryWindowMs;
    while (this.#has('pending') && Date.now() < until) {
      await this.recheck(pace, signal);
      tick();
      await delay(SETTLE_POLL_MS, undefined, { signal });
    }
  }

  #has(verdict: 'pending' | 'diverged'): boolean {
    for (const key of this.#unsettled.values()) if (verdictOf(key) === verdict) return true;
    return false;
  }

  /** See `cleanSince` in `runVerifier` for what a clean pass proves. 0 of 0 proves nothing (L7). */
  #isClean(): boolean {
    const met = this.#census.equals() > 0 && this.#census.overflow() === 0;
    return met && !this.#has('pending') && !this.#has('diverged');
  }
}
