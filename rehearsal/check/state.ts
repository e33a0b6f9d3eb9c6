import type { WriteRecord } from '../apps/record.ts';
import type { AppEntry } from '../entry.ts';
import type { AppContent } from '../form.ts';

/** The value and the expiry that a key must have. The texts are still templates, so they have neither side's form. */
export type State = {
  readonly value: StateValue;
  /** The earliest and the latest instant at which the key ends, ms since the epoch; `null` = never. */
  readonly expires: readonly [number, number] | null;
};

export type StateValue =
  | { readonly type: 'string'; readonly content: AppContent }
  | { readonly type: 'hash'; readonly fields: ReadonlyMap<string, AppContent> }
  | { readonly type: 'zset'; readonly members: ReadonlyMap<string, number> }
  | { readonly type: 'set'; readonly members: ReadonlySet<string> }
  | { readonly type: 'list'; readonly items: readonly AppContent[] };

/** Tolerance for the clock of Redis, which is read a moment before or after ours; ms. */
const CLOCK_SLACK_MS = 5;

export function stateOfEntry({ value, expiresAt }: AppEntry): State {
  const expires = expiresAt === null ? null : ([expiresAt, expiresAt] as const);
  switch (value.type) {
    case 'hash':
      return { value: { type: 'hash', fields: new Map(value.fields) }, expires };
    case 'zset':
      return { value: { type: 'zset', members: new Map(value.members) }, expires };
    case 'set':
      return { value: { type: 'set', members: new Set(value.members) }, expires };
    case 'string':
    case 'list':
      return { value, expires };
  }
}

/** @returns all states that may follow from one write; two when the key may have expired just before it */
export function afterWrite(before: State | null, record: WriteRecord): (State | null)[] {
  const { sentAt, answeredAt } = record;
  if (before === null || before.expires === null || before.expires[0] > answeredAt)
    return [apply(before, record)];
  if (before.expires[1] < sentAt) return [apply(null, record)];
  return [apply(before, record), apply(null, record)];
}

function apply(before: State | null, { operation, sentAt, answeredAt }: WriteRecord): State | null {
  const until = (lifeMs: number) =>
    [sentAt + lifeMs - CLOCK_SLACK_MS, answeredAt + lifeMs + CLOCK_SLACK_MS] as const;
  const kept = before?.expires ?? null;
  const value = before?.value;
  switch (operation.do) {
    case 'set': {
      const expires = operation.lifeMs === null ? null : until(operation.lifeMs);
      return { value: { type: 'string', content: operation.content }, expires };
    }
    case 'hset': {
      const old = value?.type === 'hash' ? value.fields : [];
      return { value: { type: 'hash', fields: new Map([...old, ...operation.fields]) }, expires: kept };
    }
    case 'expire':
      return before && { value: before.value, expires: until(operation.lifeMs) };
    case 'del':
      return null;
    case 'incr': {
      const count = value?.type === 'string' ? Number(value.content) : 0;
      return { value: { type: 'string', content: String(count + 1) }, expires: kept };
    }
    case 'zadd': {
      const old = value?.type === 'zset' ? value.members : [];
      const members = new Map([...old, [operation.member, operation.score] as const]);
      return { value: { type: 'zset', members }, expires: kept };
    }
    case 'lpush': {
      const old = value?.type === 'list' ? value.items : [];
      return { value: { type: 'list', items: [operation.item, ...old] }, expires: kept };
    }
    case 'ltrim': {
      if (value?.type !== 'list') return before;
      return { value: { type: 'list', items: value.items.slice(0, operation.keep) }, expires: kept };
    }
  }
}
