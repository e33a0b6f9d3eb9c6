import { expect, it } from 'vitest';
import { places, sourceFiles } from '../support/house/repository.ts';

/**
 * The files that may read the wall clock, and why. They compare it with no other machine's clock and end no wait by it.
 */
const WALL_CLOCK: Readonly<Record<string, string>> = {
  'redis/replication/breaker/circuit-breaker.ts': 'names a suspicion',
  'activities/observe.ts': 'tells /metrics the day of the plan, to the nearest look',
  'redis/backup/backup.ts': 'names a backup and dates it for people',
  'client/migrations.ts': 'a deadline of gRPC is an instant',
  'client/bundle.mjs': 'the age of a folder, by the clock that dated it',
  'workers/dependencies.ts': 'a deadline of gRPC is an instant',
};

/** In workflows `Date` is Temporal's clock. The other folders are no part of a migration. */
const OTHERS = /^(?:workflows|bench|rehearsal|scripts|servers)\//;

it('no status, deadline or duration is told by the wall clock', () => {
  const sources = sourceFiles().filter((path) => /\.(?:ts|mjs)$/.test(path) && !OTHERS.test(path));
  const found = places(sources, /\bDate\.now\b|\bnew Date\(\)/).map((place) => place.split(':')[0] ?? '');
  expect([...new Set(found)].sort()).toEqual(Object.keys(WALL_CLOCK).sort());
});
