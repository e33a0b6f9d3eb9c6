import type { Context } from '@temporalio/activity';
import type { Store } from '../domain/plan/plan.ts';
import type { Renewal } from '../redis/fence/keep-fence.ts';
import { type FenceKeeping, keepFenceOf } from '../redis/fence/fence-keeper.ts';
import type { Dependencies, Recorder } from './dependencies.ts';
import { toFailure } from './failures.ts';
import type { Outlasting } from './outlasting.ts';

/** Writes one line to the worker's log. */
type Warn = (line: string) => void;

export type FenceKeepers = {
  /**
   * Keeps the fence of a link from now on, and replaces the keeper of an earlier attempt. When a link has shards, only
   * the first shard keeps the fence.
   *
   * @param end when the sync is told to end, this keeper ends too. A sync attempt that fails does not end the keeper
   */
  begin(keeping: Omit<FenceKeeping, 'told'>, end: Outlasting, log: Context['log']): void;
};

/**
 * The fence keepers of this worker. A keeper outlives the sync attempt that started it. A restart of a server can lose
 * the fence, and the same restart ends the attempt. While Temporal is away there is no next attempt, so a keeper that
 * ended with its attempt would leave the server open to writes.
 */
export function fenceKeepers({ record, stopped }: Pick<Dependencies, 'record' | 'stopped'>): FenceKeepers {
  const running = new Map<string, AbortController>();
  return {
    begin(keeping, end, log) {
      if (keeping.shard.index > 0) return;
      const name = `${keeping.plan.migration} ${keeping.shard.name}`;
      running.get(name)?.abort();
      const replaced = new AbortController();
      running.set(name, replaced);
      const { source, target } = keeping.shard.link;
      const warn = (line: string) => log.warn(line);
      const { told, unable } = fenceReporter(record, keeping.shard.link.name, [source, target], warn);
      const ends = AbortSignal.any([replaced.signal, end.signal, stopped]);
      const keeps = keepFenceOf({ ...keeping, told, unable }, ends).finally(() => {
        if (running.get(name) !== replaced) return;
        running.delete(name);
        record.fenceLook(keeping.shard.link.name, 'ended');
      });
      end.beyond(keeps);
    },
  };
}

/**
 * Reports what `raisedReporter` reports, and also when a check could last judge the fence. A keeper that cannot judge
 * writes one line to the log each time the reason changes: a fence that cannot be judged must not count as healthy.
 */
export function fenceReporter(
  record: Pick<Recorder, 'fenceRaised' | 'fenceLook'>,
  link: string,
  stores: readonly Store[],
  warn: Warn,
): Required<Pick<FenceKeeping, 'told' | 'unable'>> {
  const told = raisedReporter(record, stores, warn);
  let blind = '';
  record.fenceLook(link, 'judged');
  return {
    told: (renewals, failed) => {
      if (failed === undefined) {
        record.fenceLook(link, 'judged');
        blind = '';
      }
      told(renewals, failed);
    },
    unable: (why) => {
      if (why !== blind) warn(`the fence of ${link} is not judged from here: ${why}`);
      blind = why;
    },
  };
}

/**
 * Reports the results of the checks to the log and the metrics. It logs a line only when the text changes, because
 * every check of a lasting problem has the same text. The lines name stores and users, never an address.
 */
export function raisedReporter(
  record: Pick<Recorder, 'fenceRaised'>,
  stores: readonly Store[],
  warn: Warn,
): FenceKeeping['told'] {
  let said = '';
  let failedBefore = false;
  // The counters start at 0 from the beginning. A counter that first appears with the value 1 shows no increase in
  // Prometheus.
  for (const { name } of stores) record.fenceRaised(name, 0);
  return (renewals, failed) => {
    for (const { store, raised } of renewals) if (raised) record.fenceRaised(store, 1);
    // One check that fails is normal when a switch begins, because the switch ends these connections. So only the
    // second failure in a row is logged.
    const lasts = failed !== undefined && failedBefore;
    failedBefore = failed !== undefined;
    if (failedBefore && !lasts) return;
    const line = lasts
      ? `the fence is not looked at from here: ${toFailure(failed).message}`
      : renewals.flatMap(linesOf).join('; ');
    if (line !== said && line !== '') warn(line);
    said = line;
  };
}

function linesOf({ store, raised, notes }: Renewal): readonly string[] {
  const again = `fence of ${store}: an app user could write there, it was raised again`;
  return [...(raised ? [again] : []), ...notes.map((note) => `fence of ${store}: ${note}`)];
}
