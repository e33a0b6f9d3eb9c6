import { settle, type SettlingRules, type Unsettled } from '../../domain/gates/settling.ts';
import type { Dataset, Side } from '../../domain/plan/plan.ts';
import type { ComparedKey, Difference } from './compare.ts';
import { fingerprint } from './typed-state.ts';

/** A key whose copies differed at the last read. */
export type UnsettledKey = {
  readonly dataset: Dataset;
  readonly what: Difference;
  readonly quarantined: boolean;
  readonly settling: Unsettled;
  /** Whether the side with the authority has the key. */
  readonly onAuthority: boolean;
  /** Whether both sides have the key. */
  readonly onBoth: boolean;
  /** The last pass whose scan met the key. */
  readonly pass: number;
};

/** One read of a key that found a difference. */
export type RecheckedKey = {
  readonly pair: ComparedKey;
  readonly quarantined: boolean;
  /** When the copies had been read, ms of a monotonic clock. */
  readonly at: number;
  readonly authority: Side;
  /** The sync is known to be behind, so no time counts as stable. */
  readonly behind: boolean;
  readonly pass: number;
};

/** The re-check queue, by source key in order of discovery. It never holds more than `capacity` keys. */
export type RecheckQueue = {
  readonly size: number;
  get(key: string): UnsettledKey | undefined;
  delete(key: string): void;
  /** Records one more read that found a difference. Returns false when there is no room for a new key. */
  put(seen: RecheckedKey): boolean;
  /** Returns keys whose next read is due, at most `limit`. */
  due(nowMs: number, limit: number): readonly string[];
  values(): Iterable<UnsettledKey>;
  entries(): Iterable<[string, UnsettledKey]>;
};

export function makeRecheckQueue(rules: SettlingRules, capacity: number): RecheckQueue {
  const keys = new Map<string, UnsettledKey>();
  return {
    get size() {
      return keys.size;
    },
    get: (key) => keys.get(key),
    delete: (key) => void keys.delete(key),
    put(seen) {
      const before = keys.get(seen.pair.key);
      if (before === undefined && keys.size >= capacity) return false;
      keys.set(seen.pair.key, unsettledKey(before, seen, rules));
      return true;
    },
    due(nowMs, limit) {
      const found: string[] = [];
      for (const [key, { settling }] of keys) {
        if (settling.nextLookAt <= nowMs) found.push(key);
        if (found.length === limit) break;
      }
      return found;
    },
    values: () => keys.values(),
    entries: () => keys.entries(),
  };
}

function unsettledKey(
  before: UnsettledKey | undefined,
  seen: RecheckedKey,
  rules: SettlingRules,
): UnsettledKey {
  const { pair, authority, at, behind } = seen;
  // `mark` includes the side. After a flip the other copy decides, so the retry window begins again.
  const mark = `${authority} ${fingerprint(pair[authority])}`;
  return {
    dataset: pair.dataset,
    what: pair.what ?? 'value',
    quarantined: seen.quarantined,
    settling: settle(before?.settling ?? null, { at, mark, behind }, rules),
    onAuthority: pair[authority] !== null,
    onBoth: pair.source !== null && pair.target !== null,
    pass: seen.pass,
  };
}
