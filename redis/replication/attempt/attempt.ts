import { type KeyMap, makeKeyMap } from '../../../domain/keys/key-map.ts';
import { type Keyspace, keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Dataset, Link, Plan, Side } from '../../../domain/plan/plan.ts';
import { type Shard, shareOf } from '../../../domain/keys/shard.ts';
import type { AuthorityRecord } from '../../../domain/authority/authority-record.ts';
import { readAuthority, writeAuthority } from '../../state/authority.ts';
import { countKeys, nodesOf } from '../../client/cluster-client.ts';
import { type Control, readControl } from '../../state/control.ts';
import { makeStamps } from '../../state/ledger.ts';
import { LargeQueue } from '../large/large-queue.ts';
import { payloadVersion } from '../../client/capabilities.ts';
import { BatchSize } from '../store/script-batcher.ts';
import { CircuitBreaker, type BreakerAccess } from '../breaker/circuit-breaker.ts';
import { type Connections, TIMEOUTS, type Timeouts } from '../store/connections.ts';
import { Counters, LedgerSize } from './counters.ts';
import { DirtySet, RecentKeys } from '../reconcile/dirty-set.ts';
import { FailingKeys } from '../reconcile/failing-keys.ts';
import { type FencedWrite, fencedWriter, holdShardCount, takeLease } from '../store/lease.ts';
import { KnownStates } from '../reconcile/key-reader.ts';
import { KnownStreams } from '../reconcile/stream-groups.ts';
import { RecordSizes } from '../reconcile/record-sizes.ts';
import { repairRecords } from '../reconcile/repair-records.ts';
import { BaselineKeys } from '../reconcile/baseline-keys.ts';
import { Quarantine } from '../reconcile/quarantine.ts';
import { WakeUp } from '../reconcile/wake-up.ts';
import { authorityOf, portOf, type SidePorts } from '../store/store-port.ts';
import type { Reached } from '../reconcile/fault-points.ts';
import { readWatermarks } from '../breaker/watermark.ts';

/** What the loops of one attempt of a sync share. A new attempt starts with nothing but what Redis holds. */
export type Attempt = {
  readonly plan: Plan;
  readonly link: Link;
  /** The part of the link's keys that this sync replicates. */
  readonly shard: Shard;
  readonly keyspace: Keyspace;
  readonly keyMap: KeyMap;
  readonly lines: Connections;
  readonly ports: SidePorts;
  /** The fencing token of this attempt; the lease on both sides holds it. */
  readonly token: number;
  /**
   * For each side: writes our own records there, if the lease is still ours. It uses the tracker connection: while the
   * server is paused these writes wait, and the reads on the data connection must not wait behind them.
   */
  readonly guards: Readonly<Record<Side, FencedWrite>>;
  readonly timeouts: Timeouts;
  /** Gives the next stamp; each one is greater than all before it. */
  readonly stamp: () => string;
  readonly dirty: DirtySet;
  readonly batch: BatchSize;
  readonly counters: Counters;
  readonly breaker: CircuitBreaker;
  readonly quarantine: Quarantine;
  readonly recent: RecentKeys;
  readonly known: KnownStates;
  readonly streams: KnownStreams;
  readonly large: LargeQueue;
  readonly failing: FailingKeys;
  readonly ledgerSize: LedgerSize;
  readonly records: RecordSizes;
  /** The servers do not restore each other's DUMP, so values travel by commands. */
  readonly typed: boolean;
  readonly reached?: Reached | undefined;
  authority: AuthorityRecord;
  control: Control;
  /** Rung when the control record has been read again. */
  readonly controlRead: WakeUp;
  /** Names of the datasets that this attempt has scanned completely. */
  readonly joined: Set<string>;
  /**
   * Names of datasets that an earlier attempt has begun to replicate and that this attempt has not scanned completely.
   * What changed in them between the two attempts is still unknown.
   */
  readonly notRescanned: Set<string>;
  /** Names of the datasets whose baseline keys (keys that V2 had before us) are known. */
  readonly baselineKnown: Set<string>;
  /** Names of the datasets that are to be scanned, or scanned again. */
  readonly toScan: Set<string>;
  /** The baseline keys of the datasets whose first scan runs on the target; empty at other times. */
  baseline: BaselineKeys;
  /** Resolves when the last write of a watermark has ended. */
  watermarkWrite: Promise<void>;
  /** Why the copy goes slower than it could, for the status; `null` = it does not. */
  throttled: string | null;
  /** A drain is requested and not answered yet. Apps wait for it, so all other work that can wait does. */
  draining: boolean;
  /** Keys of this shard on the source when the attempt began, estimated. */
  total: number;
};

/** The target holds no authority record. The claim writes it before any sync begins; without it no sync may write. */
export class NoAuthority extends Error {
  override readonly name = 'NoAuthority';
  constructor() {
    super('no authority record on the target: the stores are not claimed for this migration');
  }
}

type Begin = {
  readonly plan: Plan;
  readonly patience?: Timeouts;
  readonly quarantineBytes?: number;
  readonly reached?: Reached;
};

/**
 * Begins an attempt. It takes the lease on both sides, which fences out every earlier attempt. Then it checks the
 * servers for lost data, repairs our records, and reads what Redis holds about the link.
 *
 * @throws ShardCountChanged, LeaseLost, NoAuthority
 */
export async function beginAttempt(
  shard: Shard,
  { plan, patience = TIMEOUTS, quarantineBytes, reached }: Begin,
  lines: Connections,
): Promise<Attempt> {
  const { link } = shard;
  const keyspace = keyspaceOf(plan.migration);
  const ports = await portsOf(lines);
  await holdShardCount(lines.target.data, keyspace, link);
  const token = await takeLease(ports, keyspace, shard.name);
  await reached?.('lease taken');
  const guards = await guardsOf(lines, keyspace.lease(shard.name), token);
  const stamp = makeStamps(token);
  const breaker = await breakerOf(shard, lines, keyspace, { token, stamp });
  await repairRecords(ports, guards, keyspace, shard);
  return {
    plan,
    link,
    shard,
    keyspace,
    keyMap: makeKeyMap(link.datasets),
    lines,
    ports,
    token,
    guards,
    timeouts: patience,
    stamp,
    ...nothingYet(link),
    breaker,
    quarantine: await Quarantine.open(ports, guards.target, keyspace, shard, quarantineBytes),
    typed: await payloadsDiffer(ports, keyspace),
    reached,
    authority: await currentAuthority(ports),
    control: await readControl(lines.target.tracker, keyspace, link.name),
    notRescanned: new Set(await lines.target.data.smembers(keyspace.adopted(shard.name))),
    total: Math.ceil(shareOf(shard, await countKeys(lines.source.data))),
  };
}

async function portsOf({ source, target }: Connections): Promise<SidePorts> {
  return { source: await portOf('source', source.data), target: await portOf('target', target.data) };
}

/** The parts of an attempt that start empty. */
function nothingYet({ datasets }: Link) {
  return {
    dirty: new DirtySet(),
    batch: new BatchSize(),
    counters: new Counters(),
    recent: new RecentKeys(),
    ledgerSize: new LedgerSize(),
    records: new RecordSizes(),
    known: new KnownStates(),
    streams: new KnownStreams(),
    large: new LargeQueue(),
    failing: new FailingKeys(),
    joined: new Set<string>(),
    baselineKnown: new Set<string>(),
    toScan: new Set(datasets.map((dataset) => dataset.name)),
    baseline: BaselineKeys.NONE,
    watermarkWrite: Promise.resolve(),
    throttled: null,
    draining: false,
    controlRead: new WakeUp(),
  };
}

async function guardsOf(lines: Connections, lease: string, token: number): Promise<Attempt['guards']> {
  const guardOf = async (side: Side) => fencedWriter(await portOf(side, lines[side].tracker), lease, token);
  return { source: await guardOf('source'), target: await guardOf('target') };
}

/**
 * Makes the circuit breaker and lets it compare both servers with the last watermarks. This has to come before
 * `repairRecords`, which writes a lost authority record back: a missing one is a sign that the side has lost data.
 */
async function breakerOf(
  shard: Shard,
  lines: Connections,
  keyspace: Keyspace,
  own: Pick<BreakerAccess, 'token' | 'stamp'>,
): Promise<CircuitBreaker> {
  const redis = { source: lines.source.data, target: lines.target.data };
  const breaker = new CircuitBreaker({
    nodes: { source: nodesOf(lines.source.data), target: nodesOf(lines.target.data) },
    ...own,
    lease: keyspace.lease(shard.name),
    record: keyspace.witness(shard.name),
    heard: (side) => Promise.all(nodesOf(lines[side].subscriber).map((node) => node.redis.ping())),
  });
  const remembered = await readWatermarks(redis, keyspace, shard.name);
  for (const side of ['source', 'target'] as const) await breaker.start(side, remembered[side]);
  return breaker;
}

/**
 * Whether the servers write DUMPs of different versions. Then values travel by commands in both directions, even if one
 * server would restore the other's DUMP: a digest is computed over parts of a DUMP, so commands are simpler.
 */
async function payloadsDiffer({ source, target }: SidePorts, keyspace: Keyspace): Promise<boolean> {
  const nodes = [...source.nodes, ...target.nodes];
  const versions = await Promise.all(nodes.map(({ redis, tag }) => payloadVersion(redis, keyspace, tag)));
  return new Set(versions).size > 1;
}

/**
 * Reads who serves, and in which epoch. The record on the target decides.
 *
 * @throws NoAuthority
 */
export async function currentAuthority(ports: SidePorts): Promise<AuthorityRecord> {
  const record = await readAuthority(ports.target.redis);
  if (!record) throw new NoAuthority();
  return record;
}

/**
 * Raises older authority records to the record that decides: the source's, which a crash may have left behind, and the
 * copy on each node of a cluster. A server with an older epoch would refuse every write of ours.
 */
export async function repairAuthorities(
  ports: SidePorts,
  keyspace: Keyspace,
  authority: AuthorityRecord,
): Promise<void> {
  const nodes = [...ports.target.nodes, ...ports.source.nodes].filter(({ tag }) => tag !== '');
  for (const port of [...nodes, ports.source]) {
    const key = authorityOf(port, keyspace);
    const there = await readAuthority(port.redis, key);
    if ((there?.epoch ?? 0) < authority.epoch) await writeAuthority(port.run, authority, key);
  }
}

/** Whether a dataset is replicated now. A dataset of `joins: jday` takes part once the control record says `jday`. */
export function takesPart(attempt: Attempt, dataset: Dataset): boolean {
  return dataset.joins === 'sync' || attempt.control.joins === 'jday';
}
