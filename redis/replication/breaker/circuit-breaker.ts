import type { Digest, LedgerEntry } from '../../../domain/protocol/protocol.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import type { Suspect } from '../../../domain/gates/status.ts';
import {
  type Acceptance,
  gapOf,
  hidesEvictions,
  isInGap,
  REASONS,
  renewed,
  type ServerShown,
  type Suspicion,
  suspicionOf,
  type Suspicions,
  UNWATCHED,
  type ServerRecord,
} from '../../../domain/protocol/loss-suspicion.ts';
import type { ClusterNode } from '../../client/cluster-client.ts';
import { LeaseLost } from '../store/failure-kinds.ts';
import { HeldKeys } from './held-keys.ts';
import {
  readCounters,
  markOf,
  oldestOf,
  type Remembered,
  type CountersRead,
  type WatermarkRecord,
} from './watermark.ts';
import type { AbsenceProof } from '../store/state-codec.ts';

/** What the circuit breaker of a shard needs to ask its servers. `lease` and `record` are the names of those keys. */
export type BreakerAccess = {
  readonly nodes: Readonly<Record<Side, readonly ClusterNode[]>>;
  readonly lease: string;
  readonly token: number;
  readonly record: string;
  readonly stamp: () => string;
  /** Resolves when the sync has received every event that the side has sent up to now. */
  readonly heard: (side: Side) => Promise<unknown>;
};

/**
 * The circuit breaker of a shard. It lets a missing key travel as a delete only if the server cannot have lost the key.
 * A side becomes suspect by a flush, by an eviction, or when its server comes back with less than it once had. Then
 * domain/protocol/loss-suspicion.ts decides which keys of that side are held.
 *
 * A suspicion outlives the attempt. It is written on both sides, because a flush deletes the record of its own side. It
 * ends when every key was read since and none had to be held, or when an operator's decision is carried out.
 */
export class CircuitBreaker {
  readonly #access: BreakerAccess;
  readonly #suspicions = new Map<Side, Suspicion>();
  /** What is known of each side's servers. */
  readonly #serverRecords = new Map<Side, ServerRecord>();
  readonly #heldKeys: Readonly<Record<Side, HeldKeys>> = { source: new HeldKeys(), target: new HeldKeys() };
  /** Sides that are asked because the feed has shown a flush. */
  readonly #flushed = new Set<Side>();
  /** Sides that have lost our lease. */
  readonly #gone = new Set<Side>();
  #rescan = false;
  /** Sides on which this attempt has written a watermark. */
  readonly #written = new Set<Side>();
  #asking: Promise<void> = Promise.resolve();
  #questions = 0;

  constructor(access: BreakerAccess) {
    this.#access = access;
  }

  /** Compares a side with what earlier attempts knew of it, before this attempt writes lost records back. */
  async start(side: Side, remembered: Remembered): Promise<void> {
    const shown: ServerShown = { ...(await this.#look(side)), ...remembered };
    const suspicion = suspicionOf(remembered.before, shown, Date.now());
    if (suspicion) this.#becomeSuspect(side, suspicion);
    // Lost data stay lost. From here on the side is compared with what it still holds, so one loss is found only once.
    const { runId, evicted, evicts, commands, survived: mark } = shown;
    const { tags, unwatched } = remembered.before ?? {};
    if (unwatched && !suspicion) this.#heldKeys[side].begin(this.#access.stamp());
    const gap = gapOf(remembered.before, shown, this.#access.stamp());
    this.#serverRecords.set(side, {
      runId,
      evicted,
      evicts,
      commands,
      mark,
      suspicion,
      ...(tags && { tags }),
      ...(unwatched && { unwatched }),
      ...(gap && { gap }),
    });
  }

  get suspicions(): Suspicions {
    return Object.fromEntries(this.#suspicions);
  }

  /** The suspicions that apply to a key of this dataset. If the server itself is suspect too, its decision counts. */
  suspicionsOn(dataset: string): Suspicions {
    const { suspicions } = this;
    if (!this.#isUnwatched('target', dataset)) return suspicions;
    const { since, reason, accepted } = suspicions.target ?? UNWATCHED;
    return { ...suspicions, target: { ...UNWATCHED, since, reason, accepted } };
  }

  /** Whether no suspicion applies to a key of this dataset. */
  believes(dataset: string): boolean {
    return this.#suspicions.size === 0 && !this.#isUnwatched('target', dataset);
  }

  #isUnwatched(side: Side, dataset: string): boolean {
    const unwatched = this.#serverRecords.get(side)?.unwatched;
    return unwatched !== undefined && !unwatched.seen.includes(dataset);
  }

  /** Tells that all keys of these datasets were read on both sides in this run, and that none of them waits. */
  seen(datasets: Iterable<string>): void {
    for (const [side, witness] of this.#serverRecords) {
      const { unwatched } = witness;
      const names = unwatched ? [...datasets].filter((name) => !unwatched.seen.includes(name)) : [];
      if (!unwatched || names.length === 0) continue;
      this.#serverRecords.set(side, { ...witness, unwatched: { seen: [...unwatched.seen, ...names] } });
      if (!this.#suspicions.has(side)) this.#heldKeys[side].end();
    }
  }

  get open(): boolean {
    return this.#suspicions.size > 0;
  }

  /** Whether anything is left to resolve: a suspicion, lost seconds, or a time in which no sync ran. */
  get unresolved(): boolean {
    return this.open || [...this.#serverRecords.values()].some(({ gap, unwatched }) => gap ?? unwatched);
  }

  /** The feed shows a flush of some database of the server. The reconciler waits until the server has been asked. */
  flushed(side: Side): Promise<void> {
    this.#flushed.add(side);
    return this.ask(side).finally(() => this.#flushed.delete(side));
  }

  /** Whether no question to a server is open. */
  get quiet(): boolean {
    return this.#questions === 0;
  }

  /** Resolves when the questions asked so far are answered. */
  settled(): Promise<void> {
    return this.#asking;
  }

  /**
   * Asks a server whether it has lost data. The reconciler asks after it has read a state and before that state
   * travels: by then a flush has removed our lease, and an eviction shows in the counter. A flush of another database
   * of the server, or a reload of the same data, shows nothing and is no loss.
   *
   * @throws LeaseLost a newer attempt holds the lease
   */
  ask(side: Side): Promise<void> {
    this.#questions++;
    const asked = this.#asking.then(() => this.#ask(side)).finally(() => this.#questions--);
    this.#asking = asked.catch(() => undefined);
    return asked;
  }

  /** Whether the lease that a read showed is ours. */
  holds(lease: string): boolean {
    return lease === String(this.#access.token);
  }

  /**
   * Whether the figures read together with an absence prove that the side has lost nothing: our lease and our newest
   * watermark are there, and no key was evicted. If this is false, `ask` finds out why.
   */
  proves(side: Side, proof: AbsenceProof): boolean {
    const serverRecord = this.#serverRecords.get(side);
    if (!serverRecord || this.#gone.has(side)) return false;
    return (
      this.holds(proof.lease) &&
      proof.evicted === serverRecord.evicted &&
      proof.commands >= (serverRecord.commands?.[0] ?? 0) &&
      markOf(proof.record || null) >= serverRecord.mark
    );
  }

  async #ask(side: Side): Promise<void> {
    const { nodes, lease, record, token } = this.#access;
    // Taken before the question: the answer may miss a watermark that is written meanwhile.
    const known = this.#serverRecords.get(side)?.mark ?? '';
    const written = this.#written.has(side);
    const [now, held, own] = await Promise.all([
      this.#look(side),
      Promise.all(nodes[side].map(({ redis, tag }) => redis.get(tagged(lease, tag)))),
      Promise.all(nodes[side].map(({ redis, tag }) => redis.get(tagged(record, tag)))),
    ]);
    if (held.some((one) => Number(one) > token)) throw new LeaseLost();
    if (held.some((one) => Number(one) < token)) return this.#lose(side);
    const before = this.#serverRecords.get(side);
    if (!before) return;
    // A side has lost what one of its nodes has lost, so the oldest record counts. A new node of a cluster holds no
    // record of ours before our first write, so until then the records of a cluster are not compared.
    const kept = isCluster(nodes[side]) && !written ? known : oldestOf(own.map(markOf));
    // While a suspicion waits for a decision, another eviction does not renew it.
    const undecided = this.#suspicions.get(side)?.accepted === null;
    if (kept < known) this.suspect(side, REASONS.older, kept);
    else if (before.evicted !== now.evicted && !undecided) this.suspect(side, REASONS.evicted, null);
    else if (hidesEvictions(before, now) && !undecided) this.suspect(side, REASONS.statsReset, null);
    const { evicted, evicts, commands } = now;
    const mark = kept < known ? kept : before.mark;
    this.#serverRecords.set(side, { ...before, evicted, evicts, commands, mark });
  }

  /** Our lease is missing: the database was flushed, or another one stands in its place. */
  async #lose(side: Side): Promise<void> {
    if (this.#gone.has(side)) return;
    this.#gone.add(side);
    // A flush raises an event, SWAPDB does not. When the feed has shown every event up to now, both can be told from
    // each other.
    if (!this.#flushed.has(side)) await this.#access.heard(side);
    if (this.#flushed.has(side)) this.suspect(side, REASONS.flushed, null);
    else this.suspect(side, REASONS.recordsGone, '');
  }

  /** @param survived the newest watermark that the side kept, '' = none; `null` = its values are what apps wrote */
  suspect(side: Side, reason: string, survived: string | null): void {
    const before = this.#suspicions.get(side) ?? null;
    this.#becomeSuspect(side, renewed(before, reason, survived, Date.now()));
    this.#rescan = true;
  }

  #becomeSuspect(side: Side, suspicion: Suspicion): void {
    this.#suspicions.set(side, suspicion);
    this.#heldKeys[side].begin(this.#access.stamp());
  }

  /** Whether the side has lost our lease. Then only a new attempt can write there again. */
  isGone(side: Side): boolean {
    return this.#gone.has(side);
  }

  get wantsRescan(): boolean {
    return this.#rescan;
  }

  /** True once after each new suspicion: then every key has to be read again. */
  takeRescan(): boolean {
    const wanted = this.#rescan;
    this.#rescan = false;
    return wanted;
  }

  /**
   * An event named the key. It counts only if the side has older data, or if its dataset was not read in this run yet.
   */
  eventHeard(side: Side, key: string, dataset: string): void {
    if (typeof this.#suspicions.get(side)?.survived === 'string' || this.#isUnwatched(side, dataset))
      this.#heldKeys[side].hear(key);
  }

  /** The stamp at which the side became suspect, if an app has written the key there since; else `null`. */
  writtenSince(side: Side, key: string, digest: Digest): string | null {
    return this.#heldKeys[side].writtenSince(key, digest);
  }

  /** Records on which side the reconciler holds the key, and its state there; `null` = the key is not held. */
  note(key: string, held: { readonly side: Side; readonly digest: Digest } | null): void {
    for (const side of this.#suspicions.keys()) {
      if (side === held?.side) this.#heldKeys[side].hold(key, held.digest);
      else this.#heldKeys[side].release(key);
    }
  }

  held(side: Side): number {
    return this.#heldKeys[side].held;
  }

  /**
   * Takes an operator's decision, if it names this suspicion: a decision on another suspicion must not count.
   *
   * @param sinces the `since` of each suspicion that the operator has decided on
   * @returns whether the decision is new and applies
   */
  accept(side: Side, word: Acceptance, sinces: readonly number[]): boolean {
    const suspicion = this.#suspicions.get(side);
    if (!suspicion || suspicion.accepted || !sinces.includes(suspicion.since)) return false;
    this.#suspicions.set(side, { ...suspicion, accepted: word });
    return true;
  }

  /** Whether the side may have lost the last agreed state of a key, because it came back without its last second. */
  mayHaveLost(side: Side, agreed: LedgerEntry | null): boolean {
    return isInGap(agreed, this.#serverRecords.get(side)?.gap);
  }

  /** Every key was read since the servers came back, so every later change is made by an app. */
  closeGaps(): void {
    for (const [side, { gap, ...witness }] of this.#serverRecords)
      if (gap) this.#serverRecords.set(side, witness);
  }

  /**
   * Ends the suspicion. If the server has lost data since `seen` was read, the next question begins a new suspicion.
   */
  close(side: Side, seen: ServerRecord): void {
    this.#serverRecords.set(side, { ...seen, suspicion: null });
    this.#suspicions.delete(side);
    this.#heldKeys[side].end();
  }

  witness(side: Side): ServerRecord | null {
    return this.#serverRecords.get(side) ?? null;
  }

  /** All servers of the side have taken this watermark. */
  marked(side: Side, mark: string): void {
    this.#written.add(side);
    const witness = this.#serverRecords.get(side);
    const nodes = this.#access.nodes[side];
    const tags = isCluster(nodes) && { tags: nodes.map(({ tag }) => tag) };
    if (witness) this.#serverRecords.set(side, { ...witness, mark, ...tags });
  }

  /** What the next attempt has to know, as it is written beside the watermark. */
  record(mark: string): WatermarkRecord {
    const sides = [...this.#serverRecords].map(([side, witness]) => [
      side,
      { ...witness, suspicion: this.#suspicions.get(side) ?? null },
    ]);
    return { mark, sides: Object.fromEntries(sides) as WatermarkRecord['sides'] };
  }

  suspects(): readonly Suspect[] {
    return [...this.#suspicions].map(([side, { since, reason, survived, accepted }]) => {
      return { side, since, reason, stale: survived !== null, accepted, keys: this.held(side) };
    });
  }

  #look(side: Side): Promise<CountersRead> {
    return readCounters(this.#access.nodes[side].map(({ redis }) => redis));
  }
}

function isCluster(nodes: readonly ClusterNode[]): boolean {
  return nodes.some(({ tag }) => tag !== '');
}
