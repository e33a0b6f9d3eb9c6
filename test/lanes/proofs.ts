/**
 * The long proofs, part by part. `npm test` leaves the files in `alone` out, and runs those in `inSmall` with smaller
 * bounds. `npm run prove` runs both whole. CONTRIBUTING.md says what each part proves.
 */
export const PARTS = {
  explorer: {
    alone: [],
    inSmall: ['test/domain/explorer/explorer.test.ts', 'test/domain/schedules/schedules.test.ts'],
  },
  schedules: { alone: [], inSmall: ['test/redis/schedules/schedules.test.ts'] },
  faults: {
    alone: [],
    inSmall: [
      'test/redis/faults/born-before-adopted.test.ts',
      'test/redis/faults/kill-points.test.ts',
      'test/redis/faults/links.test.ts',
      'test/redis/faults/old-rdb.test.ts',
      'test/redis/faults/servers.test.ts',
      'test/redis/faults/zombies.test.ts',
    ],
  },
  switch: {
    alone: [],
    inSmall: [
      'test/redis/faults/switch.test.ts',
      'test/redis/faults/switch-flip.test.ts',
      'test/redis/faults/switch-lines.test.ts',
      'test/redis/faults/switch-servers.test.ts',
      'test/redis/faults/switch-zombies.test.ts',
    ],
  },
  engines: {
    alone: [],
    inSmall: [
      'test/redis/cluster/switch.test.ts',
      'test/redis/data-loss/clocks.test.ts',
      'test/redis/fence/acl-load.test.ts',
      'test/redis/fence/fence-keeper.test.ts',
      'test/redis/preflight/writers.test.ts',
      'test/redis/values/failing-keys.test.ts',
      'test/redis/values/far-expiries.test.ts',
      'test/redis/values/large-keys.test.ts',
      'test/redis/values/rights-taken.test.ts',
      'test/redis/values/stream-fleets.test.ts',
      'test/redis/values/stream-groups.test.ts',
    ],
  },
  cluster: {
    alone: [
      'test/end-to-end/cluster/abort.test.ts',
      'test/end-to-end/cluster/failover.test.ts',
      'test/end-to-end/cluster/moves.test.ts',
      'test/end-to-end/cluster/rollback.test.ts',
      'test/end-to-end/cluster/source.test.ts',
      'test/redis/cluster/failover.test.ts',
      'test/redis/cluster/zombie.test.ts',
    ],
    inSmall: [],
  },
  whole: {
    alone: [
      'test/end-to-end/absence.test.ts',
      'test/end-to-end/another-server.test.ts',
      'test/end-to-end/completed.test.ts',
      'test/end-to-end/configure.test.ts',
      'test/end-to-end/engines.test.ts',
      'test/end-to-end/observability.test.ts',
      'test/end-to-end/older-temporal.test.ts',
      'test/end-to-end/shards.test.ts',
      'test/end-to-end/stopped.test.ts',
      'test/end-to-end/tls.test.ts',
      'test/end-to-end/window.test.ts',
    ],
    inSmall: ['test/end-to-end/killed.test.ts', 'test/end-to-end/rehearsal.test.ts'],
  },
  scale: {
    alone: [
      'test/bench/quick.test.ts',
      'test/redis/races/renewal.test.ts',
      'test/redis/values/large-keys-process.test.ts',
    ],
    inSmall: [],
  },
  soak: { alone: ['test/soak/soak.test.ts'], inSmall: [] },
} as const satisfies Readonly<
  Record<string, { readonly alone: readonly string[]; readonly inSmall: readonly string[] }>
>;

export type Part = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as readonly Part[];
export const filesOf = (part: Part): readonly string[] => [...PARTS[part].alone, ...PARTS[part].inSmall];

/** Whether this run is one of the long proofs: `JDAY_PROOF=full`, which `npm run prove` sets. */
export const FULL = process.env['JDAY_PROOF'] === 'full';
/** Returns all in a long proof, and the few that stand for them in `npm test`. */
export const ofFull = <const T>(all: readonly T[], few: readonly T[]): readonly T[] => (FULL ? all : few);
/** `JDAY_SEED=n` runs the one random case of this seed; null = as many as the size of the run says. */
export const SEED = process.env['JDAY_SEED'] === undefined ? null : Number(process.env['JDAY_SEED']);

declare module 'vitest' {
  interface TaskMeta {
    /** What the test went through, by its unit: `{ states: 34979 }`. `npm run prove` adds these up. */
    proved?: Readonly<Record<string, number>>;
    /** The first seed of its random cases. */
    seed?: number;
  }
}
