import { z } from 'zod';
import * as kind from './plan-field.ts';
import { WAIVABLE_GATES } from '../plan/plan.ts';
import { MOST_BATCH_MS } from '../plan/throttle.ts';

/**
 * The plan file as it is written. Each field says here, and only here, its meaning and its default. A test compares
 * `docs/plan.md` with it.
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
    window: kind.dayCount
      .prefault(7)
      .describe('Days after the cutover in which the way back stays lossless.'),
  },
  'a mapping of start, readiness and window',
);

const tls = z.strictObject(
  {
    ca: kind.textOrNothing
      .prefault('')
      .describe(
        'PEM file: the CA that signed the certificates of the servers. Empty: the CAs that Node knows.',
      ),
    cert: kind.textOrNothing
      .prefault('')
      .describe('PEM file: our certificate, for servers that demand one. Needs `key`.'),
    key: kind.textOrNothing
      .prefault('')
      .describe('PEM file: the private key of `cert`, without a passphrase.'),
    servername: kind.hostNameOrNothing
      .prefault('')
      .describe('Name that the certificates of the servers carry. Empty: the host of each connection.'),
  },
  'a mapping of ca, cert, key and servername',
);

export const storeSchema = z.strictObject(
  {
    name: kind.name.describe('Name that datasets, checks and backups use.'),
    side: kind.oneOf('source', 'target').describe('`source` (V1, Nexten) or `target` (V2, exactly one).'),
    url: kind.text.describe(
      '`redis://…` or `rediss://…` with database number, or `redis+sentinel://…/name/0`. Stays a reference until a worker connects; passwords only as `${NAME}`.',
    ),
    cluster: kind.flag
      .prefault(false)
      .describe(
        '`true`: the URL is that of a node of a Redis Cluster, or several with commas between; all its nodes are found by it.',
      ),
    tls: tls
      .prefault({})
      .describe(
        'For a `rediss://` URL: files of the machine that connects, read at each connection, for every server of the store.',
      ),
    appUsers: kind.names
      .prefault([])
      .describe('ACL users of the applications, fenced at the cutover. A list, or names with commas.'),
    otherWriters: kind.names
      .prefault([])
      .describe(
        'ACL users who may write these keys and are never fenced; any other writer is red. A list, or names with commas.',
      ),
    unfenced: kind.textOrNothing
      .prefault('')
      .describe(
        'Why this store has no `appUsers`: without a reason, none is red. Its writes are then never fenced.',
      ),
    fenceMayForget: kind.text
      .optional()
      .describe(
        'Why you accept that a restart of this server opens its fence for a moment. Needed only where rules cannot be saved.',
      ),
    ignore: kind.globs
      .prefault([])
      .describe(
        'Patterns of keys known and left behind; others that no dataset matches show in the preflight.',
      ),
  },
  'a mapping of name, side, url, cluster, tls, appUsers, otherWriters, unfenced, fenceMayForget and ignore',
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

export const fileSetSchema = z.strictObject(
  {
    name: kind.name.describe('Name in backups.'),
    from: kind.textOrNothing.describe('Directory that is backed up. Empty: no files.'),
    to: kind.textOrNothing.prefault('').describe('Directory it is copied to as well. Empty: not copied.'),
  },
  'a mapping of name, from and to',
);

export const waiverSchema = z.strictObject(
  {
    gate: kind
      .oneOf(...WAIVABLE_GATES)
      .describe('`impact`, `sessions` or `cacheHits`: the gates that may have nothing to measure here.'),
    reason: kind.reason.describe('Why that is all right. It stands in progress and report.'),
  },
  'a mapping of gate and reason',
);

const gates = z.strictObject(
  {
    lagP99: kind.durationAboveZero.prefault('100ms').describe('Sync lag, p99.'),
    integrity: kind.percent.prefault(100).describe('Percent of settled keys that are equal.'),
    sessionsLost: kind.count.prefault(0).describe('Live sessions that are absent or different.'),
    cacheHitsKept: kind.percent.prefault(95).describe('Percent of cache keys of the source that are on V2.'),
    impact: kind.percent.prefault(5).describe("Percent that our work adds to the apps' response time."),
    hold: kind.duration.prefault('5m').describe('How long all gates stay green. Shrinks with `day`.'),
    fenceBudget: kind.durationAboveZero
      .prefault('5s')
      .describe('Longest time that writes may be blocked at the cutover. Real time.'),
    cutoverAttempts: kind.countFromOne
      .prefault(3)
      .describe('Failed cutover attempts before the migration aborts.'),
    waive: z
      .array(waiverSchema, 'a list of gates to waive')
      .prefault([])
      .describe('Gates that may pass while they are not measurable. None may pass red.'),
  },
  'a mapping of gate limits',
);

const triggers = z.strictObject(
  {
    integrity: kind.percent
      .prefault(95)
      .describe(
        'Below for two minutes (shrinks with `day`) and two whole passes, over ≥ 100 keys and ≥ 90 % of all: abort before the flip, rollback after it.',
      ),
    sessionsLost: kind.count
      .prefault(0)
      .describe('Above, confirmed alike: abort before the flip, rollback after it.'),
    lagP99: kind.durationAboveZero
      .prefault('1000ms')
      .describe('Above for `lagFor`: abort before the flip; after it never.'),
    lagFor: kind.durationAboveZero.prefault('2m').describe('See `lagP99`. Shrinks with `day`.'),
  },
  'a mapping of trigger limits',
);

const decision = kind.oneOf('manual', 'auto').prefault('manual');
export const approvalsSchema = z.strictObject(
  {
    readiness: decision.describe('`manual` or `auto`: the go/no-go before J-Day.'),
    cutover: decision.describe('`manual` or `auto`: the moment before the fence.'),
    complete: decision.describe(
      '`manual` or `auto`: the end of the rollback window; `auto` waits for green gates.',
    ),
  },
  'a mapping of readiness, cutover and complete',
);

const traffic = z.strictObject(
  {
    webhook: kind.webhook
      .optional()
      .describe(
        'POST `{migration, authority, epoch}`, then GET to read it back. Stays a reference until the worker calls it.',
      ),
    command: kind.command
      .optional()
      .describe(
        'Program and arguments, run by the worker if it allows that program. Give this or `webhook`.',
      ),
  },
  'webhook: URL, or command: [program, argument]',
);

export const backupSchema = z.strictObject(
  {
    directory: kind.text
      .prefault('./backups')
      .describe("On the worker's machine, where the worker allows it; files are 0600."),
    retentionDays: kind.dayCount.prefault(30).describe('Days of 24 h after which backups are deleted.'),
  },
  'a mapping of directory and retentionDays',
);

export const throttleSchema = z.strictObject(
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
    stores: z
      .array(storeSchema, 'a list of stores')
      .min(1, 'at least one store')
      .describe('The Redis databases.'),
    datasets: z
      .array(datasetSchema, 'a list of datasets')
      .min(1, 'at least one dataset')
      .describe('What travels.'),
    files: z.array(fileSetSchema, 'a list of file sets').prefault([]).describe('Directories in the backup.'),
    gates: gates.prefault({}).describe('Green limits before the flip.'),
    triggers: triggers.prefault({}).describe('What aborts or rolls back by itself.'),
    approvals: approvalsSchema.prefault({}).describe('Who decides.'),
    traffic: z
      .array(traffic, 'a list')
      .prefault([])
      .describe('Whom to tell besides the hash `jday:authority`.'),
    backup: backupSchema.prefault({}).describe('Where backups go.'),
    throttle: throttleSchema
      .prefault({})
      .describe('Upper bounds of our own work; `configure` changes them while it runs.'),
  },
  'a mapping of migration, stores, datasets and more',
);

export type PlanFile = z.output<typeof planSchema>;
