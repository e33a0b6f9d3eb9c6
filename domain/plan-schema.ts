import { z } from 'zod';
import * as kind from './plan-field.ts';
import { MOST_BATCH_MS } from './throttle.ts';

/**
 * The plan file as it is written. Each field says here, and only here, what it means and its default;
 * `docs/plan.md` is held against it by a test.
 */
const jDay = z.strictObject(
  {
    in: kind.days.optional().describe('J-Day counted from the start, in days of the plan.'),
    at: kind.instant.optional().describe('J-Day as an instant. Give this or `in`.'),
  },
  'in: 7d, or at: 2026-12-01T06:00:00Z',
);

const timeline = z.strictObject(
  {
    start: kind.dayMark.prefault('J-7').describe('First day: backup, copy, then two-way sync.'),
    readiness: kind.dayMark.prefault('J-1').describe('Day of the rehearsed cutover and the go/no-go.'),
    window: kind.amount.prefault(7).describe('Days after the cutover in which the way back stays lossless.'),
  },
  'a mapping of start, readiness and window',
);

const store = z.strictObject(
  {
    name: kind.name.describe('Name that datasets, checks and backups use.'),
    side: kind.oneOf('source', 'target').describe('`source` (V1, Nexten) or `target` (V2, exactly one).'),
    url: kind.text.describe(
      '`redis://…` or `rediss://…` with database number. Stays a reference until a worker connects; passwords only as `${NAME}`.',
    ),
    cluster: kind.flag
      .prefault(false)
      .describe(
        '`true`: the URL is that of a node of a Redis Cluster, or several with commas between; all its nodes are found by it.',
      ),
    appUsers: kind.names
      .prefault([])
      .describe('ACL users of the applications, fenced at the cutover. A list, or names with commas.'),
    ignore: kind.globs
      .prefault([])
      .describe(
        'Patterns of keys known and left behind; others that no dataset matches show in the preflight.',
      ),
  },
  'a mapping of name, side, url, cluster, appUsers and ignore',
);

const rename = z.strictObject(
  {
    from: kind.template.describe('Source key with one `*`.'),
    to: kind.template.describe('Target key with one `*`, filled by the same text.'),
  },
  'a mapping of from and to',
);

export const datasetSchema = z.strictObject(
  {
    name: kind.name.describe('Name in progress, evidence and reports.'),
    from: kind.name.describe('Source store that owns it.'),
    patterns: kind.globsAtLeastOne.describe('Redis glob patterns of the source keys.'),
    excludes: kind.globs.prefault([]).describe('Patterns, of source or target names, that are not ours.'),
    rename: rename.optional().describe('Other name on the target; none: the same on both sides.'),
    joins: kind
      .oneOf('sync', 'jday')
      .prefault('sync')
      .describe('`sync`: travels from the first day; `jday`: joins on J-Day.'),
    role: kind
      .oneOf('cache', 'sessions', 'metrics', 'config', 'model-state')
      .describe('`cache`, `sessions`, `metrics`, `config` or `model-state`: which gates look at it.'),
    transform: kind
      .oneOf('none', 'offers_to_jobs')
      .prefault('none')
      .describe('`offers_to_jobs`: V1 spelling there, V2 spelling here, and back; `none`: byte for byte.'),
  },
  'a mapping of name, from, patterns and role',
);

const fileSet = z.strictObject(
  {
    name: kind.name.describe('Name in backups.'),
    from: kind.textOrNothing.describe('Directory that is backed up. Empty: no files.'),
    to: kind.textOrNothing.prefault('').describe('Directory it is copied to as well. Empty: not copied.'),
  },
  'a mapping of name, from and to',
);

const gates = z.strictObject(
  {
    lagP99: kind.duration.prefault('100ms').describe('Sync lag, p99.'),
    integrity: kind.percent.prefault(100).describe('Percent of settled keys that are equal.'),
    sessionsLost: kind.count.prefault(0).describe('Live sessions that are absent or different.'),
    cacheHitsKept: kind.percent.prefault(95).describe('Percent of cache keys of the source that are on V2.'),
    impact: kind.percent.prefault(5).describe("Percent that our work adds to the apps' response time."),
    hold: kind.duration.prefault('5m').describe('How long all gates stay green. Shrinks with `day`.'),
    fenceBudget: kind.duration
      .prefault('5s')
      .describe('Longest time that writes may be blocked at the cutover. Real time.'),
    cutoverAttempts: kind.countFromOne
      .prefault(3)
      .describe('Cutovers over budget before the migration aborts.'),
  },
  'a mapping of gate limits',
);

const triggers = z.strictObject(
  {
    integrity: kind.percent.prefault(95).describe('Below: abort before the flip, rollback after it.'),
    sessionsLost: kind.count.prefault(0).describe('Above: abort before the flip, rollback after it.'),
    lagP99: kind.duration
      .prefault('1000ms')
      .describe('Above for `lagFor`: abort before the flip; after it never.'),
    lagFor: kind.duration.prefault('2m').describe('See `lagP99`. Shrinks with `day`.'),
  },
  'a mapping of trigger limits',
);

const decision = kind.oneOf('manual', 'auto').prefault('manual');
const approvals = z.strictObject(
  {
    readiness: decision.describe('`manual` or `auto`: the go/no-go before J-Day.'),
    cutover: decision.describe('`manual` or `auto`: the moment before the fence.'),
    complete: decision.describe('`manual` or `auto`: the end of the rollback window.'),
  },
  'a mapping of readiness, cutover and complete',
);

const traffic = z.strictObject(
  {
    webhook: kind.webhook
      .optional()
      .describe('POST `{migration, authority, epoch}`, then GET to read it back.'),
    command: kind.command
      .optional()
      .describe('Program and arguments, run by the worker. Give this or `webhook`.'),
  },
  'webhook: URL, or command: [program, argument]',
);

export const planSchema = z.strictObject(
  {
    migration: kind.name.describe('Name of the migration; its workflow is `jday-<migration>`.'),
    jDay: jDay.prefault({ in: '7d' }).describe('When J-Day is.'),
    timeline: timeline.prefault({}).describe('Days relative to J-Day.'),
    day: kind.dayLength.prefault('24h').describe('Length of a day. All waiting scales with it.'),
    mode: kind
      .oneOf('bidirectional', 'forward')
      .prefault('bidirectional')
      .describe('`bidirectional`, or `forward`: V1 and Nexten to V2 only, without a lossless way back.'),
    shards: kind.shards
      .prefault(1)
      .describe(
        'Syncs that share the keys of each link, spread over the workers. Fixed for a ledger: see scale.md.',
      ),
    stores: z.array(store, 'a list of stores').min(1, 'at least one store').describe('The Redis databases.'),
    datasets: z
      .array(datasetSchema, 'a list of datasets')
      .min(1, 'at least one dataset')
      .describe('What travels.'),
    files: z.array(fileSet, 'a list of file sets').prefault([]).describe('Directories in the backup.'),
    gates: gates.prefault({}).describe('Green limits before the flip.'),
    triggers: triggers.prefault({}).describe('What aborts or rolls back by itself.'),
    approvals: approvals.prefault({}).describe('Who decides.'),
    traffic: z
      .array(traffic, 'a list')
      .prefault([])
      .describe('Whom to tell besides the hash `jday:authority`.'),
    backup: z
      .strictObject(
        {
          directory: kind.text.prefault('./backups').describe("On the worker's machine; files are 0600."),
          retentionDays: kind.amount.prefault(30).describe('Days of 24 h after which backups are deleted.'),
        },
        'a mapping of directory and retentionDays',
      )
      .prefault({})
      .describe('Where backups go.'),
    throttle: z
      .strictObject(
        {
          copyKeysPerSecond: kind.count
            .prefault(20_000)
            .describe('Initial copy and re-scan, per link; 0: no limit.'),
          copyBytesPerSecond: kind.count
            .prefault(50_000_000)
            .describe('Bytes that the copy moves to and from both servers, per link; 0: no limit.'),
          verifyKeysPerSecond: kind.count.prefault(10_000).describe('Verification, per link; 0: no limit.'),
          verifyBytesPerSecond: kind.count
            .prefault(50_000_000)
            .describe('Bytes that verification reads from both servers, per link; 0: no limit.'),
          batchMs: kind.batchMs
            .prefault(MOST_BATCH_MS)
            .describe(
              'Server time of one call of the sync, ms, at most 2: the batches become smaller until it fits.',
            ),
        },
        'a mapping of copyKeysPerSecond, verifyKeysPerSecond and more',
      )
      .prefault({})
      .describe('Upper bounds of our own work; `configure` changes them while it runs.'),
  },
  'a mapping of migration, stores, datasets and more',
);

export type PlanFile = z.output<typeof planSchema>;
