import type { Redis } from 'ioredis';
import type { Side } from '../../domain/side.ts';

/** What a server was when we last believed its absences, and why we do not now. */
export type Witness = { readonly runId: string; readonly evicted: number; readonly suspect: string | null };
export type Witnesses = Partial<Record<Side, Witness>>;

const CAME_BACK = 'the server restarted or was replaced';
const EVICTED = 'the server evicted keys';

/**
 * Absence travels only when meant (L5). A flush, an eviction, a server that came back with another run id make
 * the absences of that side suspect: they stay where they are, and the reason stands in the status. A suspicion
 * outlives the attempt: it is written down on both sides, because a flush takes its own side's record with it.
 */
export class Breaker {
  readonly #suspect = new Map<Side, string>();
  readonly #witness = new Map<Side, Witness>();
  #rescan = false;

  /** What the last attempt had seen of the side; `null` when there was none. */
  async start(side: Side, redis: Redis, before: Witness | null): Promise<void> {
    const now = await witness(redis);
    if (before?.suspect) this.suspect(side, before.suspect);
    else if (before && before.runId !== now.runId) this.suspect(side, CAME_BACK);
    else if (before && before.evicted < now.evicted) this.suspect(side, EVICTED);
    // While a side is suspect its old witness stands.
    this.#witness.set(side, this.#suspect.has(side) && before ? before : now);
  }

  suspect(side: Side, reason: string): void {
    if (this.#suspect.has(side)) return;
    this.#suspect.set(side, reason);
    this.#rescan = true;
  }

  /** True once after each new suspicion: every key has to be looked at since. */
  takeRescan(): boolean {
    const wanted = this.#rescan;
    this.#rescan = false;
    return wanted;
  }

  /** A complete re-scan since the suspicion found no absence that it would hold back. */
  async believe(side: Side, redis: Redis): Promise<void> {
    this.#witness.set(side, await witness(redis));
    this.#suspect.delete(side);
  }

  /** Asked after an absence was read and before it travels: an eviction shows in the counter by then. */
  async holds(side: Side, redis: Redis): Promise<boolean> {
    const before = this.#witness.get(side);
    const now = await witness(redis);
    if (before && (now.evicted > before.evicted || now.runId !== before.runId)) {
      this.suspect(side, now.runId === before.runId ? EVICTED : CAME_BACK);
    }
    return this.#suspect.has(side);
  }

  open(): { readonly side: Side; readonly reason: string } | null {
    for (const [side, reason] of this.#suspect) return { side, reason };
    return null;
  }

  /** For the next attempt. */
  witnesses(): Witnesses {
    const sides = [...this.#witness].map(([side, seen]) => [
      side,
      { ...seen, suspect: this.#suspect.get(side) ?? null },
    ]);
    return Object.fromEntries(sides) as Witnesses;
  }
}

async function witness(redis: Redis): Promise<Witness> {
  const info = await redis.info('server', 'stats');
  return {
    runId: /run_id:(\S+)/.exec(info)?.[1] ?? '',
    evicted: Number(/evicted_keys:(\d+)/.exec(info)?.[1] ?? 0),
    suspect: null,
  };
}
