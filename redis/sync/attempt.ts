import { makeKeyMap, type KeyMap } from '../../domain/key-map.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keyspace.ts';
import type { Link } from '../../domain/link.ts';
import type { Dataset, Plan } from '../../domain/plan.ts';
import { type Shard, shareOf } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { type AuthorityRecord, readAuthority, writeAuthority } from '../authority.ts';
import { countKeys } from '../cluster/count-keys.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import { type Control, readControl } from '../control.ts';
import { makeStamps } from '../ledger.ts';
import { LargeKeys } from '../large/large-keys.ts';
import { payloadVersion } from '../typed/payloads.ts';
import { Batch } from './batch.ts';
import { Breaker, type Grip } from './breaker.ts';
import type { Connections } from './connections.ts';
import { Counters } from './counters.ts';
import { DirtyKeys } from './dirty-keys.ts';
import { type Guarded, guardedBy } from './guarded.ts';
import { KnownKeys } from './known-keys.ts';
import { takeLease } from './lease.ts';
import { mendRecords } from './mend-records.ts';
import { OwnKeys } from './own-keys.ts';
import { PATIENCE, type Patience } from './patience.ts';
import { Quarantine } from './quarantine.ts';
import { RecentKeys } from './recent-keys.ts';
import { holdShardCount } from './shard-count.ts';
import { authorityOf, portOf, type SidePorts } from './side-port.ts';
import type { Reached } from './step.ts';
import { readWitnesses } from './witness-record.ts';

/** All that one attempt of a sync shares between its loops. A new attempt begins with nothing but what Redis holds. */
export type Attempt = {
  readonly plan: Plan;
  readonly link: Link;
  /** The part of the link that is this sync's. */
  readonly shard: Shard;
  readonly keyspace: Keyspace;
  readonly keyMap: KeyMap;
  readonly lines: Connections;
  readonly ports: SidePorts;
  readonly token: number;
  /** Writes our records on the target, on its tracker: under a pause they wait, and a look does not wait for them. */
  readonly guarded: Guarded;
  /** The same, of each side. */
  readonly guards: Readonly<Record<Side, Guarded>>;
  readonly patience: Patience;
  readonly stamp: () => string;
  readonly dirty: DirtyKeys;
  readonly batch: Batch;
  readonly counters: Counters;
  readonly breaker: Breaker;
  readonly quarantine: Quarantine;
  readonly recent: RecentKeys;
  readonly known: KnownKeys;
  readonly large: LargeKeys;
  /** The servers do not restore each other's DUMP: values travel by commands. */
  readonly typed: boolean;
  readonly reached?: Reached | undefined;
  authority: AuthorityRecord;
  control: Control;
  /** Names of datasets whose scan is complete. */
  readonly joined: Set<string>;
  /** Datasets that an earlier attempt has carried: what changed since is not known before they were scanned. */
  readonly unseen: Set<string>;
  /** Datasets of which V2's own keys are known. */
  readonly toldApart: Set<string>;
  /** Datasets to scan (again). */
  readonly toScan: Set<string>;
  /** What the target held before we came, of the datasets that are being told apart. */
  own: OwnKeys;
  /** Ends when what is known of the servers is in writing. */
  remembering: Promise<void>;
  throttled: string | null;
  total: number;
};

/** The claim wrote the record before the sync began; without it nobody may write. */
export class NoAuthority extends Error {
  override readonly name = 'NoAuthority';
  constructor() {
    super('no authority record on the target: the stores are not claimed for this migration');
  }
}

type Begin = { readonly plan: Plan; readonly patience?: Patience; readonly reached?: Reached };

export async function beginAttempt(
  shard: Shard,
  { plan, patience = PATIENCE, reached }: Begin,
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
  await mendRecords(ports, guards, keyspace, shard);
  return {
    plan,
    link,
    shard,
    keyspace,
    keyMap: makeKeyMap(link.datasets),
    lines,
    ports,
    token,
    guarded: guards.target,
    guards,
    patience,
    stamp,
    ...nothingYet(link),
    breaker,
    quarantine: await Quarantine.open(ports, guards.target, keyspace, shard),
    typed: await payloadsDiffer(ports, keyspace),
    reached,
    authority: await currentAuthority(ports),
    control: await readControl(lines.target.tracker, keyspace, link.name),
    unseen: new Set(await lines.target.data.smembers(keyspace.adopted(shard.name))),
    total: Math.ceil(shareOf(shard, await countKeys(lines.source.data))),
  };
}

async function portsOf({ source, target }: Connections): Promise<SidePorts> {
  return { source: await portOf('source', source.data), target: await portOf('target', target.data) };
}

/** What an attempt finds out by itself. */
function nothingYet({ datasets }: Link) {
  return {
    dirty: new DirtyKeys(),
    batch: new Batch(),
    counters: new Counters(),
    recent: new RecentKeys(),
    known: new KnownKeys(),
    large: new LargeKeys(),
    joined: new Set<string>(),
    toldApart: new Set<string>(),
    toScan: new Set(datasets.map((dataset) => dataset.name)),
    own: OwnKeys.NONE,
    remembering: Promise.resolve(),
    throttled: null,
  };
}

async function guardsOf(lines: Connections, lease: string, token: number): Promise<Attempt['guards']> {
  const guardOf = async (side: Side) => guardedBy(await portOf(side, lines[side].tracker), lease, token);
  return { source: await guardOf('source'), target: await guardOf('target') };
}

/** To be asked what is suspect before anything of ours is put back on a side that has lost it (L5). */
async function breakerOf(
  shard: Shard,
  lines: Connections,
  keyspace: Keyspace,
  own: Pick<Grip, 'token' | 'stamp'>,
): Promise<Breaker> {
  const redis = { source: lines.source.data, target: lines.target.data };
  const breaker = new Breaker({
    nodes: { source: nodesOf(lines.source.data), target: nodesOf(lines.target.data) },
    ...own,
    lease: keyspace.lease(shard.name),
    record: keyspace.witness(shard.name),
    heard: (side) => Promise.all(nodesOf(lines[side].subscriber).map((node) => node.redis.ping())),
  });
  const remembered = await readWitnesses(redis, keyspace, shard.name);
  for (const side of ['source', 'target'] as const) await breaker.start(side, remembered[side]);
  return breaker;
}

/** Digests are parts of DUMPs, so that even where one side takes the other's, commands are the simpler way. */
async function payloadsDiffer({ source, target }: SidePorts, keyspace: Keyspace): Promise<boolean> {
  const nodes = [...source.nodes, ...target.nodes];
  const versions = await Promise.all(nodes.map(({ redis, tag }) => payloadVersion(redis, keyspace, tag)));
  return new Set(versions).size > 1;
}

/** The target's record decides; a source that a crash left behind is brought up to it (L8). */
export async function currentAuthority(ports: SidePorts): Promise<AuthorityRecord> {
  const record = await readAuthority(ports.target.redis);
  if (!record) throw new NoAuthority();
  return record;
}

/** A source that a crash left behind is brought up to the record that decides, and so is each node of a cluster. */
export async function mendAuthorities(
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

/** Whether a dataset takes part now: those of J-Day join when the control says so. */
export function takesPart(attempt: Attempt, dataset: Dataset): boolean {
  return dataset.joins === 'sync' || attempt.control.joins === 'jday';
}
