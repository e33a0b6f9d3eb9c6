import { settle, type SettlingRules, type Unsettled } from '../../domain/settling.ts';
import type { Dataset } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import type { What } from './compare.ts';
import type { Pair } from './pairs.ts';
import { fingerprint } from './typed-state.ts';

/** A key whose copies differed when last seen. */
export type UnsettledKey = {
  readonly dataset: Dataset;
  readonly what: What;
  readonly quarantined: boolean;
  readonly settling: Unsettled;
  /** Whether the authority has the key, and whether both sides have it. */
  readonly onAuthority: boolean;
  readonly onBoth: boolean;
  /** The pass that met it last by scanning. */
  readonly pass: number;
};

export type Seen = {
  readonly pair: Pair;
  readonly quarantined: boolean;
  readonly at: number;
  readonly authority: Side;
  readonly behind: boolean;
  readonly pass: number;
};

/** The re-check queue: by source key, in order of discovery. Never longer than `capacity`. */
export type UnsettledKeys = {
  readonly size: number;
  get(key: string): UnsettledKey | undefined;
  delete(key: string): void;
  /** Takes in one more look that found a difference. False: no room for a new key. */
  put(seen: Seen): boolean;
  /** Keys whose next look is due, at most `limit`. */
  due(nowMs: number, limit: number): readonly string[];
  values(): Iterable<UnsettledKey>;
  entries(): Iterable<[string, UnsettledKey]>;
};

export function makeUnsettledKeys(rules: SettlingRules, capacity: number): UnsettledKeys {
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

function unsettledKey(before: UnsettledKey | undefined, seen: Seen, rules: SettlingRules): UnsettledKey {
  const { pair, authority, at, behind } = seen;
  // The side is part of the mark: after a flip another copy decides, so the window begins anew.
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
