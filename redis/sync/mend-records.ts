import type { Keyspace } from '../../domain/keyspace.ts';
import type { Shard } from '../../domain/shard.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { readAuthority, writeAuthority } from '../authority.ts';
import type { Guarded } from './guarded.ts';
import { authorityOf, type SidePorts } from './side-port.ts';

const SIDES = ['target', 'source'] as const;

/**
 * A target that came back empty or stale has lost our records with its data. What only stands there has a copy on the
 * source: who serves, which datasets take part, which were told apart. Nothing else goes on without them, least of
 * all in silence (L1, L5). A source that lost its copies gets them back alike: the next one to lose is the target.
 * Who serves the nodes of a cluster know too: the source's own record may be on a lost one.
 */
export async function mendRecords(
  ports: SidePorts,
  guards: Readonly<Record<Side, Guarded>>,
  keyspace: Keyspace,
  shard: Shard,
): Promise<void> {
  const redis = { source: ports.source.redis, target: ports.target.redis };
  await mendAuthority(ports, keyspace);
  const control = keyspace.control(shard.link.name);
  for (const side of SIDES) {
    const [joined, joins] = await Promise.all([
      redis[otherSide(side)].hget(control, 'joins'),
      redis[side].hget(control, 'joins'),
    ]);
    if (joined === 'jday' && joins !== 'jday') await guards[side]('HSET', control, 'joins', 'jday');
    const adopted = await redis[otherSide(side)].smembers(keyspace.adopted(shard.name));
    if (adopted.length > 0) await guards[side]('SADD', keyspace.adopted(shard.name), ...adopted);
  }
}

async function mendAuthority(ports: SidePorts, keyspace: Keyspace): Promise<void> {
  const nodes = [...ports.source.nodes, ...ports.target.nodes];
  const [copy, record, ...told] = await Promise.all([
    readAuthority(ports.source.redis),
    readAuthority(ports.target.redis),
    ...nodes.map((node) => readAuthority(node.redis, authorityOf(node, keyspace))),
  ]);
  // Claim and flip write the others with what stands here, or after it: a later one there is a copy of what stood here.
  const latest = [copy, ...told].reduce((one, other) =>
    (other?.epoch ?? 0) > (one?.epoch ?? 0) ? other : one,
  );
  if (latest && latest.epoch > (record?.epoch ?? 0)) await writeAuthority(ports.target.run, latest);
}
