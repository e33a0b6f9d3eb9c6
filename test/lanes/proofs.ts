import quarantine from './quarantine.json' with { type: 'json' };

/**
 * The long proofs, part by part. `npm test` leaves the files in `onlyInProve` out, and runs those in `smallInTest` with
 * smaller bounds. `npm run prove` runs both whole. CONTRIBUTING.md says what each part proves.
 */
export const PARTS = {
  explorer: {
    onlyInProve: [],
    smallInTest: ['test/domain/explorer/explorer.test.ts', 'test/domain/schedules/schedules.test.ts'],
  },
  schedules: { onlyInProve: [], smallInTest: ['test/redis/schedules/schedules.test.ts'] },
  faults: {
    onlyInProve: [],
    smallInTest: [
      'test/redis/faults/born-before-adopted.test.ts',
      'test/redis/faults/kill-points.test.ts',
      'test/redis/faults/links.test.ts',
      'test/redis/faults/old-rdb.test.ts',
      'test/redis/faults/servers.test.ts',
      'test/redis/faults/zombies.test.ts',
    ],
  },
  switch: {
    onlyInProve: [],
    smallInTest: [
      'test/redis/faults/switch.test.ts',
      'test/redis/faults/switch-flip.test.ts',
      'test/redis/faults/switch-lines.test.ts',
      'test/redis/faults/switch-servers.test.ts',
      'test/redis/faults/switch-zombies.test.ts',
    ],
  },
  engines: {
    onlyInProve: [],
    smallInTest: [
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
    onlyInProve: [
      'test/end-to-end/cluster/abort.test.ts',
      'test/end-to-end/cluster/failover.test.ts',
      'test/end-to-end/cluster/moves.test.ts',
      'test/end-to-end/cluster/rollback.test.ts',
      'test/end-to-end/cluster/source.test.ts',
      'test/redis/cluster/failover.test.ts',
      'test/redis/cluster/zombie.test.ts',
    ],
    smallInTest: [],
  },
  whole: {
    onlyInProve: [
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
    smallInTest: ['test/end-to-end/killed.test.ts', 'test/end-to-end/rehearsal.test.ts'],
  },
  scale: {
    onlyInProve: [
      'test/bench/quick.test.ts',
      'test/redis/races/renewal.test.ts',
      'test/redis/values/large-keys-process.test.ts',
    ],
    smallInTest: [],
  },
  soak: { onlyInProve: ['test/soak/soak.test.ts'], smallInTest: [] },
} as const satisfies Readonly<
  Record<string, { readonly onlyInProve: readonly string[]; readonly smallInTest: readonly string[] }>
>;

export type Part = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as readonly Part[];
export const filesOf = (part: Part): readonly string[] => [
  ...PARTS[part].onlyInProve,
  ...PARTS[part].smallInTest,
];

/** Whether this run is one of the long proofs: `JDAY_PROOF=full`, which `npm run prove` sets. */
export const FULL = process.env['JDAY_PROOF'] === 'full';
/** Returns all in a long proof, and the few that stand for them in `npm test`. */
export const allOrFew = <const T>(all: readonly T[], few: readonly T[]): readonly T[] => (FULL ? all : few);
/** `JDAY_SEED=n` runs the one random case of this seed; null = as many as the size of the run says. */
export const SEED = seedOf(process.env['JDAY_SEED']);

function seedOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const seed = Number(text);
  if (!Number.isSafeInteger(seed) || text.trim() === '')
    throw new Error(`JDAY_SEED=${text} is no whole number`);
  return seed;
}

/** Files that are known to be broken. No run takes them, and each run names them. */
export const quarantined: readonly { readonly file: string; readonly why: string }[] = quarantine;

declare module 'vitest' {
  interface TaskMeta {
    /** What the test went through, by its unit: `{ states: 34979 }`. `npm run prove` adds these up. */
    proved?: Readonly<Record<string, number>>;
    /** The first seed of its random cases. */
    seed?: number;
  }
}
