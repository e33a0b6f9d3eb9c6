import { otherSide, type Side } from '../../domain/side.ts';

/** A key to look at; `since` = when its change on that side was heard of, ms; absent = that side did not change. */
export type Work = { readonly key: string; readonly since: Readonly<Partial<Record<Side, number>>> };

/** Who takes keys: each is wakened by its own. */
type Lane = 'changes' | 'echoes';
type Queue = Map<string, Partial<Record<Side, number>>>;

/**
 * Keys that changed and wait for a look, each once (coalesced), in order of their first change. A key is in one
 * hand at a time; a change while it is in a hand marks it again, so nothing between read and write is missed.
 * Parked keys wait for somebody's word (a breaker, a paused side) and count as pending.
 */
export class DirtyKeys {
  readonly #waiting: Queue = new Map();
  /** Events that are most likely those of our own writes: they have a lane of their own. */
  readonly #echoes: Queue = new Map();
  readonly #held = new Map<string, Work>();
  readonly #parked = new Map<string, Work>();
  /** In a hand when the word came that parked keys wait for: decided before it, perhaps to be parked. */
  #overtaken = new Set<string>();
  readonly #wake: Record<Lane, (() => void)[]> = { changes: [], echoes: [] };

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

  /** We wrote to `side`: the event that came before the server's answer is most likely that of this write. */
  wrote(key: string, side: Side): void {
    const since = this.#waiting.get(key);
    if (since?.[side] === undefined || since[otherSide(side)] !== undefined) return;
    this.#waiting.delete(key);
    this.#echoes.set(key, since);
    this.#rouse('echoes');
  }

  /** Takes up to `max` changed keys that nobody holds. */
  take(max: number): Work[] {
    return this.#take(this.#waiting, max);
  }

  takeEchoes(max: number): Work[] {
    return this.#take(this.#echoes, max);
  }

  #take(queue: Queue, max: number): Work[] {
    const taken: Work[] = [];
    for (const [key, since] of queue) {
      if (taken.length >= max) break;
      if (this.#held.has(key)) continue;
      const work = { key, since: this.#parked.has(key) ? bothOf(since) : since };
      queue.delete(key);
      this.#held.set(key, work);
      taken.push(work);
    }
    return taken;
  }

  /** Takes keys that a scan found: those in a hand are left to it, with a second look after. */
  claim(keys: readonly string[], side: Side, nowMs: number): Work[] {
    const taken: Work[] = [];
    for (const key of keys) {
      if (this.#held.has(key) || this.#waiting.has(key)) {
        this.mark(key, side, nowMs);
        continue;
      }
      const work = { key, since: {} };
      this.#held.set(key, work);
      taken.push(work);
    }
    return taken;
  }

  /** Gives keys back. `again` keeps the age of the change and looks at both sides. */
  giveBack(work: Work, fate: 'done' | 'again', nowMs: number): void {
    this.#held.delete(work.key);
    this.#parked.delete(work.key);
    this.#overtaken.delete(work.key);
    if (fate === 'again') this.#markAgain(work, nowMs);
    else this.#rouseFor(work.key);
  }

  #markAgain(work: Work, nowMs: number): void {
    for (const side of ['source', 'target'] as const) this.mark(work.key, side, work.since[side] ?? nowMs);
  }

  /**
   * Puts a key aside, where `until` is a side until that side opens: what waits is the other side's change, and a
   * drain of the closed side need not wait for it.
   */
  park(work: Work, until: Side | null, nowMs: number): void {
    const { key, since } = work;
    // The word it would wait for has been said meanwhile, and nobody says it twice.
    if (this.#overtaken.has(key)) return this.giveBack(work, 'again', nowMs);
    const from = until && otherSide(until);
    this.#held.delete(key);
    this.#parked.set(key, from ? { key, since: { [from]: since[from] ?? nowMs } } : work);
    this.#rouseFor(key);
  }

  /** What was taken for an echo is a change. */
  putBack(work: Work): void {
    this.#held.delete(work.key);
    this.#overtaken.delete(work.key);
    for (const side of ['source', 'target'] as const) {
      const since = work.since[side];
      if (since !== undefined) this.mark(work.key, side, since);
    }
  }

  unpark(nowMs: number): void {
    const parked = [...this.#parked.values()];
    this.#parked.clear();
    this.#overtaken = new Set(this.#held.keys());
    // One in a hand stays there: a key is in one hand only.
    for (const work of parked) this.#markAgain(work, nowMs);
  }

  /** Keys that wait for a hand. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get echoes(): number {
    return this.#echoes.size;
  }

  get parked(): number {
    return this.#parked.size;
  }

  /** No key waits for a hand or is in one. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#echoes.size === 0 && this.#held.size === 0;
  }

  /** Changes on `side` that have not arrived on the other one. */
  pendingFrom(side: Side): number {
    let pending = 0;
    for (const queue of [this.#waiting, this.#echoes])
      for (const since of queue.values()) if (since[side] !== undefined) pending++;
    for (const work of [...this.#held.values(), ...this.#parked.values()]) {
      if (work.since[side] !== undefined || work.since[otherSide(side)] === undefined) pending++;
    }
    return pending;
  }

  /** Resolves when the lane's queue holds a key that nobody has in hand, or at the next `wake()`. */
  async wakened(lane: Lane): Promise<void> {
    const queue = lane === 'changes' ? this.#waiting : this.#echoes;
    for (const key of queue.keys()) if (!this.#held.has(key)) return;
    await new Promise<void>((resolve) => {
      this.#wake[lane].push(resolve);
    });
  }

  wake(): void {
    this.#rouse('changes');
    this.#rouse('echoes');
  }

  /** A key that came back may have been marked meanwhile. */
  #rouseFor(key: string): void {
    if (this.#waiting.has(key)) this.#rouse('changes');
    else if (this.#echoes.has(key)) this.#rouse('echoes');
  }

  #rouse(lane: Lane): void {
    for (const resolve of this.#wake[lane].splice(0)) resolve();
  }
}

/** Parked work waits for what a look at one side cannot see: it is looked at anew on both. */
function bothOf({ source, target }: Work['since']): Work['since'] {
  const since = source ?? target ?? 0;
  return { source: source ?? since, target: target ?? since };
}
