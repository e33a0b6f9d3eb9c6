import type { Direction, Marker, Probed, ProbeInput } from './processes/probe.ts';
import type { Stream, WriterInput, Written } from './processes/writer.ts';
import { Differs } from './end-check.ts';
import type { Stage, StagedServer } from './stage.ts';
import { percentile } from './statistics.ts';
import { until } from './until.ts';

/** Looks of the probe in a second, over all directions. */
const LOOKS_PER_SECOND = 250;

export type Load = { readonly markers: readonly Marker[]; readonly writesPerSecond: number };

export type LoadOptions = {
  readonly source: StagedServer;
  /** Where the second half of the writes goes, if it does. */
  readonly target: StagedServer;
  readonly ways: 'one' | 'both';
  readonly writesPerSecond: number;
  readonly keys: number;
  readonly seconds: number;
  /** Load before the first look. */
  readonly warmUpSeconds: number;
};

export function directionsOf({
  source,
  target,
  ways,
}: Pick<LoadOptions, 'source' | 'target' | 'ways'>): readonly Direction[] {
  const up = { name: 'up', from: source.server.url(), to: target.server.url() };
  const down = { name: 'down', from: target.server.url(), to: source.server.url() };
  return ways === 'one' ? [up] : [up, down];
}

function streamsOf({ source, target, ways, writesPerSecond }: LoadOptions): readonly Stream[] {
  if (ways === 'one') return [{ url: source.server.url(), perSecond: writesPerSecond, first: 0, of: 1 }];
  return [source, target].map(({ server }, first) => ({
    url: server.url(),
    perSecond: writesPerSecond / 2,
    first,
    of: 2,
  }));
}

/** Writes for a while and probes the lag meanwhile, both from processes of their own. */
export async function runLoad(stage: Stage, options: LoadOptions): Promise<Load> {
  const writer = stage.process<WriterInput, never, Written>('writer');
  const probe = stage.process<ProbeInput, 'open', Probed>('probe');
  await Promise.all([writer.ready, probe.ready]);
  const { keys, seconds, warmUpSeconds } = options;
  writer.begin({ streams: streamsOf(options), keys, seconds: warmUpSeconds + seconds + 0.5 });
  await new Promise((resolve) => setTimeout(resolve, warmUpSeconds * 1_000));
  probe.begin({ directions: directionsOf(options), perSecond: LOOKS_PER_SECOND, seconds });
  const [{ markers, lost }, written] = await Promise.all([probe.result, writer.result]);
  if (lost > 0) throw new Differs(`${lost} markers did not arrive`);
  return { markers, writesPerSecond: written.acknowledged / written.seconds };
}

/** Percentiles of what the probe saw, ms. */
export function lagOf(markers: readonly Marker[]): { p50Ms: number; p99Ms: number; maxMs: number } {
  const sorted = markers.map(({ sentAt, seenAt }) => seenAt - sentAt).sort((one, other) => one - other);
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), maxMs: percentile(sorted, 1) };
}

/** What the probe itself sees when nothing has to be carried: a marker of the source, heard on the source. */
export async function probeFloor(stage: Stage, source: StagedServer, seconds: number): Promise<number> {
  const probe = stage.process<ProbeInput, 'open', Probed>('probe');
  await probe.ready;
  const url = source.server.url();
  probe.begin({ directions: [{ name: 'floor', from: url, to: url }], perSecond: LOOKS_PER_SECOND, seconds });
  const { markers } = await probe.result;
  return lagOf(markers).p50Ms;
}

/** Resolves when both hold the same number of keys. */
export async function sameSize(source: StagedServer, target: StagedServer): Promise<void> {
  await until(
    'both sides to hold as many keys',
    async () => (await source.redis.dbsize()) === (await target.redis.dbsize()),
  );
}
