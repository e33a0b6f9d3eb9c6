import { otherSide, type Side } from '../../../domain/plan/plan.ts';

/**
 * A key to reconcile, by its name on the source. `since`: for each side, when the feed reported its change, ms of
 * `performance.now()`; absent = no change of that side is known.
 */
export type DirtyKey = { readonly key: string; readonly since: Readonly<Partial<Record<Side, number>>> };

/** The two queues, each with a loop that takes its keys: the apply loop and the echo loop. */
type Lane = 'changes' | 'echoes';
type Queue = Map<string, Partial<Record<Side, number>>>;

/**
 * The keys that have changed and wait to be reconciled. A key waits once, however often it changes, in the order of
 * its first change.
 *
 * A key is checked out by one loop at a time. If two loops had it at once, each would decide without the other's write.
 * A change of a key that is checked out marks it again, so the key is read once more and no change between our read and
 * our write is missed.
 *
 * A parked key waits until the circuit breaker or a paused side lets it go on (`unpark`). It counts as pending.
 *
 * The states of a key:
 *
 * - absent: the set does not know the key.
 * - waiting: the key is in the queue of changes.
 * - echo: the key is in the queue of echoes (waiting as echo): its event most likely comes from our own write.
 * - out: a loop has checked the key out.
 * - out+: the key is checked out and was marked again, so it is in a queue too.
 * - parked: the key was put aside.
 * - parked+: the key is parked and was marked again, so it is in a queue too.
 *
 * The state after each event (– = the event cannot happen):
 *
 * | state   | mark     | take   | checkOut    | done     | again   | park        | requeue | unpark   |
 * |---------|----------|--------|-------------|----------|---------|-------------|---------|----------|
 * | absent  | (a)      | absent | out         | –        | –       | –           | –       | absent   |
 * | waiting | waiting  | out    | waiting (b) | –        | –       | –           | –       | waiting  |
 * | echo    | (a)      | out    | out+        | –        | –       | –           | –       | echo     |
 * | out     | out+     | out    | out+ (b)    | absent   | waiting | parked (c)  | waiting | out (c)  |
 * | out+    | out+     | out+   | out+ (b)    | (d)      | waiting | parked+ (c) | waiting | out+ (c) |
 * | parked  | parked+  | parked | out (e)     | –        | –       | –           | –       | waiting  |
 * | parked+ | parked+  | out(e) | (f)         | –        | –       | –           | –       | waiting  |
 *
 * `done` and `again` are the outcomes of `complete`. `take` also stands for `takeEchoes`; each takes only from its own
 * queue.
 *
 * - (a) echo, if the event is most likely that of our own write; else waiting. An echo that is marked as a change moves
 *   to the queue of changes, a change that is marked as an echo stays there.
 * - (b) The key is not handed out. It is marked for both sides, so its next read covers both.
 * - (c) `unpark` remembers which keys are checked out. If such a key is parked later, it goes to `waiting` at once.
 * - (d) waiting or echo: the queue in which the key was marked.
 * - (e) The key stays in the list of parked keys too until it is completed. Until then `requeue` leads to parked+, and
 *   `unpark` to out+. After `take` the key is read on both sides.
 * - (f) parked+ with a mark for both sides if the key waits as a change; out+ (see e) if it waits as an echo.
 *
 * `expectEcho` moves a key from the queue of changes to the queue of echoes.
 */
export class DirtySet {
  readonly #waiting: Queue = new Map();
  /** Keys whose events most likely come from our own writes; the echo loop takes them. */
  readonly #echoes: Queue = new Map();
  /** Keys that are checked out. */
  readonly #checkedOut = new Map<string, DirtyKey>();
  readonly #parked = new Map<string, DirtyKey>();
  /**
   * Keys that were checked out when `unpark` ran. The reconciler decided on them before that, so `park` must queue them
   * again instead of parking them for good.
   */
  #overtaken = new Set<string>();
  readonly #wake: Record<Lane, (() => void)[]> = { changes: [], echoes: [] };

  /**
   * Records a change of a key on one side. If that side is marked already, the earlier time stays.
   *
   * @param echo we wrote to that side last, so the event most likely comes from our own write
   */
  mark(key: string, side: Side, nowMs: number, echo = false): void {
    const since = this.#waiting.get(key);
    if (since) since[side] ??= nowMs;
    else if (echo) this.#echoes.set(key, { [side]: nowMs, ...this.#echoes.get(key) });
    else {
      this.#waiting.set(key, { [side]: nowMs, ...this.#echoes.get(key) });
      this.#echoes.delete(key);
    }
    this.#rouse(since || !echo ? 'changes' : 'echoes');
  }

  /**
   * Tells that we wrote to `side`. The event of our write can arrive before the server's answer, and then it was marked
   * as a change. So if the key waits for that side alone, it moves to the queue of echoes.
   */
  expectEcho(key: string, side: Side): void {
    const since = this.#waiting.get(key);
    if (since?.[side] === undefined || since[otherSide(side)] !== undefined) return;
    this.#waiting.delete(key);
    this.#echoes.set(key, since);
    this.#rouse('echoes');
  }

  /** Checks out up to `max` keys from the queue of changes. Keys that are checked out already stay in the queue. */
  take(max: number): DirtyKey[] {
    return this.#take(this.#waiting, max);
  }

  /** The same from the queue of echoes. */
  takeEchoes(max: number): DirtyKey[] {
    return this.#take(this.#echoes, max);
  }

  #take(queue: Queue, max: number): DirtyKey[] {
    const taken: DirtyKey[] = [];
    for (const [key, since] of queue) {
      if (taken.length >= max) break;
      if (this.#checkedOut.has(key)) continue;
      const work = { key, since: this.#parked.has(key) ? bothOf(since) : since };
      queue.delete(key);
      this.#checkedOut.set(key, work);
      taken.push(work);
    }
    return taken;
  }

  /**
   * Checks out keys that a scan or another walk found, and returns them. A key that is checked out or waits as a change
   * is not returned; it is marked for both sides, so that it is read once more after this call. What the scan found may
   * have changed on either side before the feed ran, so a drain of either side has to wait for that read.
   */
  checkOut(keys: readonly string[], nowMs: number): DirtyKey[] {
    const taken: DirtyKey[] = [];
    for (const key of keys) {
      if (this.#checkedOut.has(key) || this.#waiting.has(key)) {
        this.#markAgain({ key, since: {} }, nowMs);
        continue;
      }
      const work = { key, since: {} };
      this.#checkedOut.set(key, work);
      taken.push(work);
    }
    return taken;
  }

  /**
   * Gives a checked-out key back. After `again` the key waits for both sides. It keeps the time of its change, unless a
   * side was marked meanwhile.
   */
  complete(work: DirtyKey, outcome: 'done' | 'again', nowMs: number): void {
    this.#checkedOut.delete(work.key);
    this.#parked.delete(work.key);
    this.#overtaken.delete(work.key);
    if (outcome === 'again') this.#markAgain(work, nowMs);
    else this.#rouseFor(work.key);
  }

  #markAgain(work: DirtyKey, nowMs: number): void {
    for (const side of ['source', 'target'] as const) this.mark(work.key, side, work.since[side] ?? nowMs);
  }

  /**
   * Puts a checked-out key aside until `unpark`.
   *
   * @param until the closed side that the key waits for. Then only the change of the other side is pending, so a drain
   *   of the closed side does not wait for this key. `null` = the key waits for the circuit breaker
   */
  park(work: DirtyKey, until: Side | null, nowMs: number): void {
    const { key, since } = work;
    // `unpark` ran after this key was checked out. No second `unpark` follows, so the key would stay parked for good.
    if (this.#overtaken.has(key)) return this.complete(work, 'again', nowMs);
    const from = until && otherSide(until);
    this.#checkedOut.delete(key);
    this.#parked.set(key, from ? { key, since: { [from]: since[from] ?? nowMs } } : work);
    this.#rouseFor(key);
  }

  /** Gives back a key that was taken as an echo and has changed. It waits as a change, with the times it had. */
  requeue(work: DirtyKey): void {
    this.#checkedOut.delete(work.key);
    this.#overtaken.delete(work.key);
    for (const side of ['source', 'target'] as const) {
      const since = work.since[side];
      if (since !== undefined) this.mark(work.key, side, since);
    }
  }

  /** Marks all parked keys for both sides, so that they wait as changes again. */
  unpark(nowMs: number): void {
    const parked = [...this.#parked.values()];
    this.#parked.clear();
    this.#overtaken = new Set(this.#checkedOut.keys());
    // A parked key that is checked out again stays so. It is only marked, because one loop at a time may have a key.
    for (const work of parked) this.#markAgain(work, nowMs);
  }

  /** Keys in the queue of changes. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Keys in the queue of echoes. */
  get echoes(): number {
    return this.#echoes.size;
  }

  get parked(): number {
    return this.#parked.size;
  }

  /** No key waits in a queue and none is checked out. Parked keys do not count. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#echoes.size === 0 && this.#checkedOut.size === 0;
  }

  /**
   * The number of keys with a change on `side` that has not arrived on the other side. A key that a scan checked out
   * counts for both sides, because either side may have changed.
   */
  pendingFrom(side: Side): number {
    let pending = 0;
    for (const queue of [this.#waiting, this.#echoes])
      for (const since of queue.values()) if (since[side] !== undefined) pending++;
    for (const work of [...this.#checkedOut.values(), ...this.#parked.values()]) {
      if (work.since[side] !== undefined || work.since[otherSide(side)] === undefined) pending++;
    }
    return pending;
  }

  /** Resolves when the lane's queue may hold a key that is not checked out, or at the next `wake()`. */
  async wakened(lane: Lane): Promise<void> {
    const queue = lane === 'changes' ? this.#waiting : this.#echoes;
    for (const key of queue.keys()) if (!this.#checkedOut.has(key)) return;
    await new Promise<void>((resolve) => {
      this.#wake[lane].push(resolve);
    });
  }

  /** Wakes both loops without a key, so that they see a failure or the end of the attempt. */
  wake(): void {
    this.#rouse('changes');
    this.#rouse('echoes');
  }

  /** Wakes the loop of a key that is no longer checked out, if the key was marked meanwhile. */
  #rouseFor(key: string): void {
    if (this.#waiting.has(key)) this.#rouse('changes');
    else if (this.#echoes.has(key)) this.#rouse('echoes');
  }

  #rouse(lane: Lane): void {
    for (const resolve of this.#wake[lane].splice(0)) resolve();
  }
}

/**
 * The times for a key that was parked: it is read on both sides, because a read of one side does not show why the key
 * had to wait. An unknown time is that of the other side's change.
 */
function bothOf({ source, target }: DirtyKey['since']): DirtyKey['since'] {
  const since = source ?? target ?? 0;
  return { source: source ?? since, target: target ?? since };
}

/**
 * The keys that were replicated since the verifier last found both sides equal. A drain hands them over, and the check
 * under the fence compares them. If there are too many, the oldest are dropped. The keys are kept in two generations,
 * and a whole generation is dropped: removing the oldest key from a Map at each new key costs as much as all other work
 * for a change.
 *
 * The sync numbers its status reports, and the verifier names the report that it had read before a clean pass. These
 * numbers order both, and no clock does, because sync and verifier may run on two machines.
 */
export class RecentKeys {
  static readonly MOST = 20_000;
  /** For each key, the number of the last status report when it was replicated. */
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #words = 0;

  add(key: string): void {
    this.#young.set(key, this.#words);
    if (this.#young.size < RecentKeys.MOST / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** The number of the next status report. Every key in the list was replicated before that report. */
  nextReport(): number {
    this.#words += 1;
    return this.#words;
  }

  /** Drops the keys that were replicated before a status report: the verifier has found them equal since. */
  forgetBefore(word: number): void {
    for (const keys of [this.#old, this.#young]) {
      for (const [key, at] of keys) if (at < word) keys.delete(key);
    }
  }

  keys(): string[] {
    return [...new Set([...this.#old.keys(), ...this.#young.keys()])];
  }
}
