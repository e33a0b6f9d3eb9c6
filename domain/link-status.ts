import { sum } from './fresh.ts';
import type { ByDirection, Lag, LinkStatus } from './status.ts';

/**
 * What the shards of one link say together. One that says nothing makes the whole unknown (L7), so does its silence:
 * the oldest word dates the whole. What one of them holds back is held back.
 *
 * @returns `null` when a shard has said nothing
 */
export function linkStatusOf(shards: readonly (LinkStatus | null)[]): LinkStatus | null {
  const said = shards.filter((status) => status !== null);
  const [first] = said;
  if (!first || said.length < shards.length) return null;
  if (said.length === 1) return first;
  const total = (of: (status: LinkStatus) => number) => sum(said.map(of));
  return {
    link: first.link,
    token: Math.max(...said.map(({ token }) => token)),
    at: Math.min(...said.map(({ at }) => at)),
    state: said.every(({ state }) => state === 'live') ? 'live' : 'scanning',
    copied: total(({ copied }) => copied),
    total: total((one) => one.total),
    joined: first.joined.filter((name) => said.every(({ joined }) => joined.includes(name))),
    lagMs: perDirection((to) => worstLag(said.map(({ lagMs }) => lagMs[to]))),
    pending: perDirection((to) => total(({ pending }) => pending[to])),
    carried: perDirection((to) => total(({ carried }) => carried[to])),
    conflicts: total(({ conflicts }) => conflicts),
    quarantined: total(({ quarantined }) => quarantined),
    breaker: said.find(({ breaker }) => breaker !== null)?.breaker ?? null,
    suspects: said.flatMap(({ suspects }) => suspects ?? []),
    ...sharedThrottle(said),
    throttled: said.find(({ throttled }) => throttled !== null)?.throttled ?? null,
  };
}

/** The slowest one's; one that is not measured makes the whole not measured (L7). */
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

/** The bounds are the link's, so all say the same; the smallest batch tells of the slowest server. */
function sharedThrottle(said: readonly LinkStatus[]): Pick<LinkStatus, 'throttle'> {
  const known = said.flatMap(({ throttle }) => (throttle ? [throttle] : []));
  const [first] = known;
  if (!first) return {};
  return { throttle: { ...first, batchKeys: Math.min(...known.map(({ batchKeys }) => batchKeys)) } };
}
