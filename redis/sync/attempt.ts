import { makeKeyMap, type KeyMap } from '../../domain/key-map.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keyspace.ts';
import type { Link } from '../../domain/link.ts';
import type { Dataset, Plan } from '../../domain/plan.ts';
import { type Shard, shareOf } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { type AuthorityRecord, readAuthority, writeAuthority } from '../authority.ts';
import { type Control, readControl } from '../control.ts';
import { makeStamps } from '../ledger.ts';
import { loadScripts } from '../scripts/index.ts';
import { Batch } from './batch.ts';
import { Breaker } from './breaker.ts';
import type { Connections } from './connections.ts';
import { Counters } from './counters.ts';
import { DirtyKeys } from './dirty-keys.ts';
import { takeLease } from './lease.ts';
import { Quarantine } from './quarantine.ts';
import { RecentKeys } from './recent-keys.ts';
import { holdShardCount } from './shard-count.ts';
import type { SidePort, SidePorts } from './side-port.ts';
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
  readonly stamp: () => Buffer;
  readonly dirty: DirtyKeys;
  readonly batch: Batch;
  readonly counters: Counters;
  readonly breaker: Breaker;
  readonly quarantine: Quarantine;
  readonly recent: RecentKeys;
  readonly reached?: Reached | undefined;
  authority: AuthorityRecord;
  control: Control;
  /** Names of datasets whose scan is complete. */
  readonly joined: Set<string>;
  /** Datasets that an earlier attempt has carried: what changed since is not known before they were scanned. */
  readonly unseen: Set<string>;
  /** Datasets to scan (again). */
  readonly toScan: Set<string>;
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

type Begin = { readonly plan: Plan; readonly reached?: Reached };

export async function beginAttempt(
  shard: Shard,
  { plan, reached }: Begin,
  lines: Connections,
): Promise<Attempt> {
  const { link } = shard;
  const keyspace = keyspaceOf(plan.migration);
  const ports = { source: await portOf('source', lines), target: await portOf('target', lines) };
  await holdShardCount(lines.target.data, keyspace, link);
  const token = await takeLease(ports, keyspace, shard.name);
  await reached?.('lease taken');
  return {
    plan,
    link,
    shard,
    keyspace,
    keyMap: makeKeyMap(link.datasets),
    lines,
    ports,
    token,
    stamp: makeStamps(token),
    dirty: new DirtyKeys(),
    batch: new Batch(),
    counters: new Counters(),
    breaker: await breakerOf(shard, lines, keyspace),
    quarantine: await Quarantine.open(ports, keyspace, shard),
    recent: new RecentKeys(),
    reached,
    authority: await currentAuthority(ports),
    control: await readControl(lines.target.tracker, keyspace, link.name),
    joined: new Set(),
    unseen: new Set(await lines.target.data.smembers(keyspace.adopted(shard.name))),
    toScan: new Set(link.datasets.map((dataset) => dataset.name)),
    throttled: null,
    total: shareOf(shard, await lines.source.data.dbsize()),
  };
}

async function breakerOf(
  shard: Shard,
  { source, target }: Connections,
  keyspace: Keyspace,
): Promise<Breaker> {
  const breaker = new Breaker();
  const before = await readWitnesses({ source: source.data, target: target.data }, keyspace, shard.name);
  await breaker.start('source', source.data, before.source ?? null);
  await breaker.start('target', target.data, before.target ?? null);
  return breaker;
}

async function portOf(side: Side, lines: Connections): Promise<SidePort> {
  const redis = lines[side].data;
  return { side, redis, run: await loadScripts(redis) };
}

/** The target's record decides; a source that a crash left behind is brought up to it (L8). */
export async function currentAuthority(ports: SidePorts): Promise<AuthorityRecord> {
  const record = await readAuthority(ports.target.redis);
  if (!record) throw new NoAuthority();
  return record;
}

export async function mendSourceAuthority(attempt: Attempt): Promise<void> {
  const there = await readAuthority(attempt.ports.source.redis);
  if ((there?.epoch ?? 0) < attempt.authority.epoch)
    await writeAuthority(attempt.ports.source.run, attempt.authority);
}

/** Whether a dataset takes part now: those of J-Day join when the control says so. */
export function takesPart(attempt: Attempt, dataset: Dataset): boolean {
  return dataset.joins === 'sync' || attempt.control.joins === 'jday';
}
