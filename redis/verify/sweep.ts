import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import type { Link, Role, Side } from '../../domain/plan/plan.ts';
import type { SettlingRules } from '../../domain/gates/settling.ts';
import type { Moments, Dated, VerifyStatus } from '../../domain/gates/status.ts';
import { countKeys } from '../client/cluster-client.ts';
import { type Census, makeCensus, verdictOf } from './census.ts';
import { type Comparison, type OutcomeContext, compareAll } from './classify.ts';
import type { VerifyPace } from './pace.ts';
import { BATCH_KEYS, makeKeyComparer, type ComparedKey, type KeyComparer } from './compare.ts';
import { makeSeenKeys, scanKeys, scanMatching, type SeenKeys } from './scan-keys.ts';
import { makeRecheckQueue, type RecheckQueue } from './recheck-queue.ts';
import { Unanswered } from './report.ts';

/**
 * The two-way verification of one link. A pass compares every owned key of the source with the target, then the keys
 * of the target that the source scan did not show. A re-check queue holds the keys that differed. It only reads.
 *
 * A pass cannot see a value that changed and changed back between two reads. It can also miss a key that did not
 * exist during the whole scan, because SCAN does not promise to show it. The next pass, or the check under the fence,
 * sees it.
 */

export type SweepOptions = {
  readonly link: Link;
  readonly keyspace: Keyspace;
  /** Connections that only this sweep uses. Another user could break the WATCH under which it reads a large key. */
  readonly source: Redis;
  readonly target: Redis;
  readonly authority: () => Side;
  /**
   * Names of all datasets that take part; `null` = they are not known yet, or one of them has not joined yet. No pass
   * begins while this is `null`. Otherwise a pass over a part, or over nothing, would count as a whole pass.
   */
  readonly covers: () => readonly string[] | null;
  /** Only datasets of this role are read, and the names of other keys do not even travel. Absent = all datasets. */
  readonly only?: Role;
  /**
   * Waits before the server walks over so many names, of that many in the database. Needed only beside `only`.
   */
  readonly walk?: (names: number, ofNames: number, signal: AbortSignal) => Promise<unknown>;
  /**
   * Takes source keys that are absent on the source. Returns true for those whose absence the ledger records as agreed
   * while V2 has a key of its own under that name.
   */
  readonly agreedAbsentOnSource: (sourceKeys: readonly string[]) => Promise<readonly boolean[]>;
  /** True while the sync is known to be behind (restart, re-scan, circuit breaker). Differences stay pending then. */
  readonly behind?: () => boolean;
  /** Takes keys that stayed different, for the sync to repair. It may get the same key again and again. */
  readonly handOver?: (sourceKeys: readonly string[]) => Promise<void>;
  /** Number of keys that the sync has repaired so far. A pass during which it grew is not clean. */
  readonly repaired?: () => number;
  /**
   * The last report of each sync. A clean pass records them, so each sync knows which of its writes the pass has
   * seen.
   */
  readonly moments?: () => Moments;
  /** The last status of the previous attempt of the verifier. */
  readonly before?: Dated<VerifyStatus> | null;
  /** @default SETTLING */
  readonly rules?: SettlingRules;
  /**
   * Keys of one call.
   *
   * @default BATCH_KEYS
   */
  readonly batchKeys?: number;
};

/** The rules by which a difference becomes diverged or hot (domain/gates/settling.ts). */
export const SETTLING = { retryWindowMs: 3_000, hotAfterChanges: 5 } satisfies SettlingRules;

/**
 * Keys in the re-check queue, about 60 MB. Further differences count as pending, and the next pass finds them again.
 */
const MAX_UNSETTLED = 200_000;
/** A pass waits this many retry windows at its end for its differences to settle. */
const PATIENCE = 3;
const SETTLE_POLL_MS = 20;

export class Sweep {
  readonly #options: SweepOptions;
  readonly #rules: SettlingRules;
  readonly #batchKeys: number;
  readonly #pairs: KeyComparer;
  readonly #context: OutcomeContext;
  readonly #unsettled: RecheckQueue;
  readonly #census: Census;
  readonly #unanswered = new Unanswered();
  #pass = 0;
  #passing = false;
  #covered: ReadonlySet<string>;
  /** A key was diverged in this pass, and the sync may have repaired it meanwhile. Such a pass is not clean. */
  #foundDiverged = false;

  constructor(options: SweepOptions) {
    const { link, keyspace, source, target, agreedAbsentOnSource } = options;
    this.#options = options;
    this.#rules = options.rules ?? SETTLING;
    this.#batchKeys = options.batchKeys ?? BATCH_KEYS;
    this.#pairs = makeKeyComparer(link, source, target, () => this.#unanswered.answered());
    this.#context = { source, target, quarantine: keyspace.quarantine(link.name), agreedAbsentOnSource };
    this.#unsettled = makeRecheckQueue(this.#rules, MAX_UNSETTLED);
    this.#census = makeCensus(options.before, performance.now());
    this.#covered = new Set(options.before?.pass?.datasets);
  }

  status(): VerifyStatus {
    return this.#census.status(this.#options.link.name, performance.now(), this.#unsettled);
  }

  /** Whether a pass may begin: the datasets that take part are known, and all of them have joined. */
  get ready(): boolean {
    return this.#wanted !== null;
  }

  /** Whether a dataset takes part that no pass has covered yet. */
  get lacks(): boolean {
    return this.#wanted?.some((name) => !this.#covered.has(name)) ?? false;
  }

  /** Whether a pass is under way. Between two passes only keys that differed are read again. */
  get passing(): boolean {
    return this.#passing;
  }

  /** For how long a store has not answered, ms; 0 while none is asked. */
  get silentMs(): number {
    return this.#unanswered.forMs;
  }

  /** The datasets to read; `null` = not known yet, or none of them takes part. */
  get #wanted(): readonly string[] | null {
    const { covers, only, link } = this.#options;
    const names = covers();
    if (only === undefined || names === null) return names;
    const mine = link.datasets.filter(({ role, name }) => role === only && names.includes(name));
    return mine.length === 0 ? null : mine.map(({ name }) => name);
  }

  /**
   * Runs one pass over the datasets that take part. The pass ends when its differences are settled, or had enough time
   * to settle.
   */
  async pass(pace: VerifyPace, signal: AbortSignal): Promise<void> {
    this.#passing = true;
    await this.#makePass(pace, signal).finally(() => (this.#passing = false));
  }

  async #makePass(pace: VerifyPace, signal: AbortSignal): Promise<void> {
    const { repaired = () => 0, moments = () => ({}) } = this.#options;
    const began = { startedAt: performance.now(), from: moments(), authority: this.#options.authority() };
    const repairedBefore = repaired();
    this.#cover(this.#wanted ?? []);
    this.#pass++;
    this.#foundDiverged = this.#has('diverged');
    this.#census.beginPass();
    const seen = makeSeenKeys(this.#pass);
    let looking = Promise.resolve();
    for (const side of ['source', 'target'] as const) {
      for await (const scanned of this.#names(side, pace, signal)) {
        const fresh = this.#newKeys(side, scanned, seen);
        if (this.#options.only === undefined) await pace(scanned.length - fresh.length, signal);
        for (let from = 0; from < fresh.length; from += this.#batchKeys) {
          // Each batch waits for its turn. A whole page at once would occupy a server for as long as four calls take.
          const keys = fresh.slice(from, from + this.#batchKeys);
          await pace(keys.length, signal);
          const next = this.#look(keys, () => this.#pass);
          // If it fails, `await looking` throws the error one batch later.
          next.catch(() => {});
          await looking;
          looking = next;
        }
        await this.recheck(pace, signal, looking);
      }
    }
    await looking;
    await this.#settleDown(pace, signal);
    this.#census.endPass({
      ...began,
      datasets: [...this.#covered],
      keys: this.#census.equals() + this.#unsettled.size + this.#census.overflow(),
      endedAt: performance.now(),
      whole: !this.lacks,
      clean: this.#isClean() && repaired() === repairedBefore,
    });
  }

  /**
   * Reads the due keys of the re-check queue again. It waits for the reads in flight first: of two reads of one key,
   * the later one must decide.
   */
  async recheck(pace: VerifyPace, signal: AbortSignal, underWay = Promise.resolve()): Promise<void> {
    const due = this.#unsettled.due(performance.now(), this.#batchKeys);
    if (due.length === 0) return;
    await underWay;
    await pace(due.length, signal);
    await this.#look(due, (key) => this.#unsettled.get(key)?.pass ?? 0);
  }

  /**
   * Sets the datasets of this pass. A dataset that joins was not part of the last clean pass, so that pass proves
   * nothing any more.
   */
  #cover(names: readonly string[]): void {
    if (names.some((name) => !this.#covered.has(name))) this.#census.forgetClean();
    this.#covered = new Set(names);
    for (const [key, { dataset }] of this.#unsettled.entries()) {
      if (!this.#covered.has(dataset.name)) this.#unsettled.delete(key);
    }
  }

  /** Yields the names of a side. With `only` these are the names that its patterns match. */
  async *#names(side: Side, pace: VerifyPace, signal: AbortSignal): AsyncGenerator<readonly string[]> {
    const { only, walk, link } = this.#options;
    const redis = this.#options[side];
    const asked = <T>(answer: Promise<T>) => this.#unanswered.during(answer);
    if (only === undefined) return yield* scanKeys(redis, asked);
    const { keyMap } = this.#pairs;
    const mine = link.datasets.filter(({ name }) => this.#covered.has(name));
    const ofNames = await asked(countKeys(redis));
    const pay = async (names: number) => {
      await pace(0, signal);
      await walk?.(names, ofNames, signal);
    };
    const patterns = mine.flatMap((dataset) => keyMap.patterns(dataset, side));
    yield* scanMatching(redis, patterns, { asked, pay });
  }

  /** Returns the source names of those scanned keys that this pass covers and has not met yet. */
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

  #look(keys: readonly string[], passOf: (key: string) => number): Promise<void> {
    return this.#unanswered.during(this.#compare(keys, passOf));
  }

  async #compare(keys: readonly string[], passOf: (key: string) => number): Promise<void> {
    const pairs = await this.#pairs.look(keys);
    const at = performance.now();
    const outcomes = await compareAll(pairs, this.#context);
    for (const [i, pair] of pairs.entries()) this.#take(pair, outcomes[i]!, at, passOf(pair.key));
    await this.#handOver(keys);
  }

  /**
   * Hands diverged keys to the sync for repair. No event will name these keys, so the sync would not read them again.
   */
  async #handOver(keys: readonly string[]): Promise<void> {
    const { handOver } = this.#options;
    const diverged = keys.filter((key) => {
      const queued = this.#unsettled.get(key);
      return queued !== undefined && verdictOf(queued) === 'diverged';
    });
    if (diverged.length === 0) return;
    this.#foundDiverged = true;
    await handOver?.(diverged);
  }

  #take(pair: ComparedKey, outcome: Comparison, at: number, pass: number): void {
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

  async #settleDown(pace: VerifyPace, signal: AbortSignal): Promise<void> {
    const until = performance.now() + PATIENCE * this.#rules.retryWindowMs;
    while (this.#has('pending') && performance.now() < until) {
      await this.recheck(pace, signal);
      await delay(SETTLE_POLL_MS, undefined, { signal });
    }
  }

  #has(verdict: 'pending' | 'diverged'): boolean {
    for (const key of this.#unsettled.values()) if (verdictOf(key) === verdict) return true;
    return false;
  }

  /** See `clean` at `runVerifier` for what a clean pass proves. A pass that found no equal key proves nothing. */
  #isClean(): boolean {
    const met = this.#census.equals() > 0 && this.#census.overflow() === 0;
    return met && !this.#foundDiverged && !this.#has('pending') && !this.#has('diverged');
  }
}
