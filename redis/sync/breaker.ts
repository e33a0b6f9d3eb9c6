import type { Digest } from '../../domain/digest.ts';
import type { Side } from '../../domain/side.ts';
import { tagged } from '../../domain/slot.ts';
import type { Suspect } from '../../domain/status.ts';
import {
  type Acceptance,
  REASONS,
  renewed,
  type Shown,
  type Suspicion,
  suspicionOf,
  type Suspicions,
  type Witness,
} from '../../domain/suspicion.ts';
import type { ClusterNode } from '../cluster/routed-redis.ts';
import { LeaseLost } from './apply-writes.ts';
import { Doubts } from './doubts.ts';
import { lookAtServers, type ServersShown } from './look-at-servers.ts';
import type { Proof } from './read-reply.ts';
import { markOf, oldestOf, type Remembered, type WitnessRecord } from './witness-record.ts';

/** What the breaker of a shard asks its servers by. */
export type Grip = {
  readonly nodes: Readonly<Record<Side, readonly ClusterNode[]>>;
  readonly lease: string;
  readonly token: number;
  readonly record: string;
  readonly stamp: () => string;
  /** Every event that a side has sent up to now has been heard. */
  readonly heard: (side: Side) => Promise<unknown>;
};

/**
 * Absence travels only when meant (L5). A flush, an eviction, a server that came back with less than it had taken
 * make a side suspect; domain/suspicion rules what of it is held back. A suspicion outlives the attempt: it is written
 * down on both sides, because a flush takes its own side's record with it. It ends when everything was looked at
 * since and nothing had to be held back, or when a decision has been carried out.
 */
export class Breaker {
  readonly #grip: Grip;
  readonly #suspicions = new Map<Side, Suspicion>();
  readonly #witnesses = new Map<Side, Witness>();
  readonly #doubts: Readonly<Record<Side, Doubts>> = { source: new Doubts(), target: new Doubts() };
  readonly #flushed = new Set<Side>();
  readonly #gone = new Set<Side>();
  #rescan = false;
  readonly #written = new Set<Side>();
  #asking: Promise<void> = Promise.resolve();
  #questions = 0;

  constructor(grip: Grip) {
    this.#grip = grip;
  }

  async start(side: Side, remembered: Remembered): Promise<void> {
    const shown: Shown = { ...(await this.#look(side)), ...remembered };
    const suspicion = suspicionOf(remembered.before, shown, Date.now());
    if (suspicion) this.#doubt(side, suspicion);
    // What it has lost is lost: from here on it is judged by what it still holds.
    const { runId, evicted, survived: mark } = shown;
    const tags = remembered.before?.tags;
    this.#witnesses.set(side, { runId, evicted, mark, suspicion, ...(tags && { tags }) });
  }

  get suspicions(): Suspicions {
    return Object.fromEntries(this.#suspicions);
  }

  get open(): boolean {
    return this.#suspicions.size > 0;
  }

  /** Everything may have changed, in whatever database of the server: nothing travels before it has been asked. */
  flushed(side: Side): Promise<void> {
    this.#flushed.add(side);
    return this.ask(side).finally(() => this.#flushed.delete(side));
  }

  get quiet(): boolean {
    return this.#questions === 0;
  }

  /** No answer is awaited any more. */
  settled(): Promise<void> {
    return this.#asking;
  }

  /**
   * Asked after a state was read and before it travels: a flush has taken our lease by then, and an eviction shows in
   * the counter. Of a flush elsewhere on the server, or a reload of what there was, nothing shows.
   *
   * @throws LeaseLost
   */
  ask(side: Side): Promise<void> {
    this.#questions++;
    const asked = this.#asking.then(() => this.#ask(side)).finally(() => this.#questions--);
    this.#asking = asked.catch(() => undefined);
    return asked;
  }

  /**
   * Whether an absence shows in the moment it was read that nothing of the side was lost: our lease and our newest mark
   * stand, nothing was evicted. Any doubt is for `ask` to look into.
   */
  proves(side: Side, proof: Proof): boolean {
    const witness = this.#witnesses.get(side);
    if (!witness || this.#gone.has(side)) return false;
    const { token } = this.#grip;
    return (
      proof.lease === String(token) &&
      proof.evicted === witness.evicted &&
      markOf(proof.record || null) >= witness.mark
    );
  }

  async #ask(side: Side): Promise<void> {
    const { nodes, lease, record, token } = this.#grip;
    const known = this.#witnesses.get(side)?.mark ?? '';
    const written = this.#written.has(side);
    const [now, held, own] = await Promise.all([
      this.#look(side),
      Promise.all(nodes[side].map(({ redis, tag }) => redis.get(tagged(lease, tag)))),
      Promise.all(nodes[side].map(({ redis, tag }) => redis.get(tagged(record, tag)))),
    ]);
    if (held.some((one) => Number(one) > token)) throw new LeaseLost();
    if (held.some((one) => Number(one) < token)) return this.#lose(side);
    const before = this.#witnesses.get(side);
    if (!before) return;
    // What one node has lost, its side has. A node that is new to us holds no record before the first one of ours.
    const kept = isCluster(nodes[side]) && !written ? known : oldestOf(own.map(markOf));
    const undecided = this.#suspicions.get(side)?.accepted === null;
    if (kept < known) this.suspect(side, REASONS.older, kept);
    else if (before.evicted !== now.evicted && !undecided) this.suspect(side, REASONS.evicted, null);
    this.#witnesses.set(side, { ...before, evicted: now.evicted, mark: kept < known ? kept : before.mark });
  }

  async #lose(side: Side): Promise<void> {
    if (this.#gone.has(side)) return;
    this.#gone.add(side);
    // The feed tells a flush, and not that another database was put in this one's place.
    if (!this.#flushed.has(side)) await this.#grip.heard(side);
    if (this.#flushed.has(side)) this.suspect(side, REASONS.flushed, null);
    else this.suspect(side, REASONS.recordsGone, '');
  }

  suspect(side: Side, reason: string, survived: string | null): void {
    const before = this.#suspicions.get(side) ?? null;
    this.#doubt(side, renewed(before, reason, survived, Date.now()));
    this.#rescan = true;
  }

  #doubt(side: Side, suspicion: Suspicion): void {
    this.#suspicions.set(side, suspicion);
    this.#doubts[side].begin(this.#grip.stamp());
  }

  /** The side has lost our lease: only a new attempt can write there again. */
  isGone(side: Side): boolean {
    return this.#gone.has(side);
  }

  get wantsRescan(): boolean {
    return this.#rescan;
  }

  /** True once after each new suspicion: every key has to be looked at since. */
  takeRescan(): boolean {
    const wanted = this.#rescan;
    this.#rescan = false;
    return wanted;
  }

  /** An event told of the key. Counts only while older data are suspect. */
  hear(side: Side, key: string): void {
    if (typeof this.#suspicions.get(side)?.survived === 'string') this.#doubts[side].hear(key);
  }

  /** The stamp at which the side became suspect, where an app has written the key there since. */
  writtenSince(side: Side, key: string, digest: Digest): string | null {
    return this.#doubts[side].writtenSince(key, digest);
  }

  /** What a look has found: on which side the key is held back, if on any, and what stood there. */
  note(key: string, held: { readonly side: Side; readonly digest: Digest } | null): void {
    for (const side of this.#suspicions.keys()) {
      if (side === held?.side) this.#doubts[side].hold(key, held.digest);
      else this.#doubts[side].release(key);
    }
  }

  held(side: Side): number {
    return this.#doubts[side].held;
  }

  /** The decision on this very suspicion; one on another says nothing. True when it is new. */
  accept(side: Side, word: Acceptance, sinces: readonly number[]): boolean {
    const suspicion = this.#suspicions.get(side);
    if (!suspicion || suspicion.accepted || !sinces.includes(suspicion.since)) return false;
    this.#suspicions.set(side, { ...suspicion, accepted: word });
    return true;
  }

  /** Ends the suspicion. What the server has done since `seen` makes a new one. */
  believe(side: Side, seen: Witness): void {
    this.#witnesses.set(side, { ...seen, suspicion: null });
    this.#suspicions.delete(side);
    this.#doubts[side].end();
  }

  witness(side: Side): Witness | null {
    return this.#witnesses.get(side) ?? null;
  }

  /** All servers of the side have taken this mark. */
  marked(side: Side, mark: string): void {
    this.#written.add(side);
    const witness = this.#witnesses.get(side);
    const nodes = this.#grip.nodes[side];
    const tags = isCluster(nodes) && { tags: nodes.map(({ tag }) => tag) };
    if (witness) this.#witnesses.set(side, { ...witness, mark, ...tags });
  }

  /** For the next attempt. */
  record(mark: string): WitnessRecord {
    const sides = [...this.#witnesses].map(([side, witness]) => [
      side,
      { ...witness, suspicion: this.#suspicions.get(side) ?? null },
    ]);
    return { mark, sides: Object.fromEntries(sides) as WitnessRecord['sides'] };
  }

  suspects(): readonly Suspect[] {
    return [...this.#suspicions].map(([side, { since, reason, survived, accepted }]) => {
      return { side, since, reason, stale: survived !== null, accepted, keys: this.held(side) };
    });
  }

  #look(side: Side): Promise<ServersShown> {
    return lookAtServers(this.#grip.nodes[side].map(({ redis }) => redis));
  }
}

function isCluster(nodes: readonly ClusterNode[]): boolean {
  return nodes.some(({ tag }) => tag !== '');
}
