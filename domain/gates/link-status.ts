import type { ByDirection, Lag, LinkStatus, Moments, Dated } from './status.ts';
import { sum } from './sum.ts';

/**
 * Combines the statuses of the shards of one link. A shard without a status makes the whole unknown. The oldest status
 * dates the whole, so one silent shard makes the whole stale. When one shard holds something back, the link does.
 *
 * @returns `null` when a shard has no status
 */
export function linkStatusOf(shards: readonly (Dated<LinkStatus> | null)[]): Dated<LinkStatus> | null {
  const said = shards.filter((status) => status !== null);
  const [first] = said;
  if (!first || said.length < shards.length) return null;
  if (said.length === 1) return first;
  const total = (of: (status: LinkStatus) => number) => sum(said.map(of));
  return {
    link: first.link,
    token: Math.max(...said.map(({ token }) => token)),
    ageMs: worst(said.map(({ ageMs }) => ageMs)),
    moments: Object.assign({}, ...said.map(({ moments }) => moments)) as Moments,
    state: said.every(({ state }) => state === 'live') ? 'live' : 'scanning',
    copied: total(({ copied }) => copied),
    total: total((one) => one.total),
    joined: first.joined.filter((name) => said.every(({ joined }) => joined.includes(name))),
    lagMs: perDirection((to) => worstLag(said.map(({ lagMs }) => lagMs[to]))),
    pending: perDirection((to) => total(({ pending }) => pending[to])),
    carried: perDirection((to) => total(({ carried }) => carried[to])),
    conflicts: total(({ conflicts }) => conflicts),
    strays: total(({ strays }) => strays ?? 0),
    repaired: total(({ repaired = 0 }) => repaired),
    quarantined: total(({ quarantined }) => quarantined),
    breaker: said.find(({ breaker }) => breaker !== null)?.breaker ?? null,
    suspects: said.flatMap(({ suspects }) => suspects ?? []),
    ...sharedLedger(said),
    ...sharedRecords(said),
    ...sharedThrottle(said),
    throttled: said.find(({ throttled }) => throttled !== null)?.throttled ?? null,
  };
}

/** Returns the lag of the slowest one. When one lag is not measured, the whole is not measured. */
export function worstLag(lags: readonly Lag[]): Lag {
  return { p50: worst(lags.map((lag) => lag.p50)), p99: worst(lags.map((lag) => lag.p99)) };
}

function worst(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length && known.length > 0 ? Math.max(...known) : null;
}

function perDirection<T>(of: (to: keyof ByDirection<T>) => T): ByDirection<T> {
  return { toTarget: of('toTarget'), toSource: of('toSource') };
}

/** Adds up the ledger entries. When one shard has not counted its entries, the sum is unknown. */
function sharedLedger(said: readonly LinkStatus[]): Pick<LinkStatus, 'ledgerEntries'> {
  const counted = said.flatMap(({ ledgerEntries }) => (ledgerEntries ? [ledgerEntries] : []));
  if (counted.length < said.length) return {};
  const total = (side: 'source' | 'target') => sum(counted.map((entries) => entries[side]));
  return { ledgerEntries: { source: total('source'), target: total('target') } };
}

/** The journals and the quarantine belong to the link, and one shard tells their size. */
function sharedRecords(said: readonly LinkStatus[]): Pick<LinkStatus, 'recordBytes'> {
  const recordBytes = said.find((status) => status.recordBytes !== undefined)?.recordBytes;
  return recordBytes ? { recordBytes } : {};
}

/** The limits belong to the link, so all shards report the same ones. The smallest batch shows the slowest server. */
function sharedThrottle(said: readonly LinkStatus[]): Pick<LinkStatus, 'throttle'> {
  const known = said.flatMap(({ throttle }) => (throttle ? [throttle] : []));
  const [first] = known;
  if (!first) return {};
  return { throttle: { ...first, batchKeys: Math.min(...known.map(({ batchKeys }) => batchKeys)) } };
}
