import type { Direction, Marker, Probed, ProbeInput } from './processes/probe.ts';
import type { Stream, WriterInput, WriterReport } from './processes/writer.ts';
import { Differs } from './end-check.ts';
import type { Stage, StagedServer } from './stage.ts';
import { percentile } from './summary.ts';
import { until } from './until.ts';
import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';

/** Markers that the probe writes per second, over all directions. */
const LOOKS_PER_SECOND = 250;

type Load = { readonly markers: readonly Marker[]; readonly writesPerSecond: number };

export type LoadOptions = {
  readonly source: StagedServer;
  /** Gets the second half of the writes if `ways` is `both`. */
  readonly target: StagedServer;
  readonly ways: 'one' | 'both';
  readonly writesPerSecond: number;
  readonly keys: number;
  readonly seconds: number;
  /** How long the load runs before the first marker. */
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

/**
 * Writes for a while and measures the lag at the same time. Writer and probe run in processes of their own.
 *
 * @throws Differs when a marker has not arrived
 */
export async function runLoad(stage: Stage, options: LoadOptions): Promise<Load> {
  const writer = stage.process<WriterInput, never, WriterReport>('writer');
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

/** Returns percentiles of the lag that the probe has seen, ms. */
export function lagOf(markers: readonly Marker[]): { p50Ms: number; p99Ms: number; maxMs: number } {
  const sorted = markers.map(({ sentAt, seenAt }) => seenAt - sentAt).sort((one, other) => one - other);
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), maxMs: percentile(sorted, 1) };
}

/** Measures the lag of the probe itself: its markers are written and seen on the same server. Returns the p50 in ms. */
export async function probeFloor(stage: Stage, source: StagedServer, seconds: number): Promise<number> {
  const probe = stage.process<ProbeInput, 'open', Probed>('probe');
  await probe.ready;
  const url = source.server.url();
  probe.begin({ directions: [{ name: 'floor', from: url, to: url }], perSecond: LOOKS_PER_SECOND, seconds });
  const { markers } = await probe.result;
  return lagOf(markers).p50Ms;
}

/** Resolves when both servers hold the same number of keys. */
export async function sameSize(source: StagedServer, target: StagedServer): Promise<void> {
  await until(
    'both sides to hold as many keys',
    async () => (await source.redis.dbsize()) === (await target.redis.dbsize()),
  );
}

const POLL_MS = 5;
/** Keys of our own (status, heartbeats) that may appear after the last key of the data. */
const OWN_SIGNALS = 16;

/**
 * Watches from outside how a server fills, in the same way for every contender. It asks DBSIZE every 5 ms. A server
 * that loads a snapshot answers with an error and is asked again.
 *
 * `filledAt` ends the watch. It returns when the server first held as many keys as at the end, ms of
 * `performance.now()`.
 */
export class Arrival {
  readonly #seen: { readonly at: number; readonly size: number }[] = [];
  readonly #watching: Promise<void>;
  #over = false;

  constructor(target: Redis) {
    this.#watching = this.#watch(target);
  }

  async filledAt(): Promise<number> {
    this.#over = true;
    await this.#watching;
    const last = this.#seen.at(-1)?.size ?? NaN;
    return this.#seen.find(({ size }) => size >= last - OWN_SIGNALS)?.at ?? NaN;
  }

  async #watch(target: Redis): Promise<void> {
    while (!this.#over) {
      await this.#look(target);
      await delay(POLL_MS);
    }
    await this.#look(target);
  }

  async #look(target: Redis): Promise<void> {
    const size = await target.dbsize().catch(() => null);
    if (size !== null && size !== this.#seen.at(-1)?.size) this.#seen.push({ at: performance.now(), size });
  }
}
