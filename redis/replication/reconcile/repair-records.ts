import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import type { Shard } from '../../../domain/keys/shard.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { readAuthority, writeAuthority } from '../../state/authority.ts';
import type { FencedWrite } from '../store/lease.ts';
import { authorityOf, type SidePorts } from '../store/store-port.ts';

const SIDES = ['target', 'source'] as const;

/**
 * Puts lost records of ours back. A target that came back empty or with older data has lost them with its data. Three
 * records of the target have a copy on the source: who serves, which datasets take part, and for which datasets the
 * baseline keys are known. Without them the sync would go on wrongly and report nothing: with the wrong authority,
 * without the datasets that joined on J-Day, or with copies of ours taken for baseline keys.
 *
 * A source that has lost its copies gets them back in the same way, because the target may be the next one to lose
 * data. On a cluster each node has a copy of the authority record too, because the source's own record may stand on a
 * lost node.
 */
export async function repairRecords(
  ports: SidePorts,
  guards: Readonly<Record<Side, FencedWrite>>,
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

/** Raises the target's authority record to the newest copy, if that is newer. */
async function mendAuthority(ports: SidePorts, keyspace: Keyspace): Promise<void> {
  const nodes = [...ports.source.nodes, ...ports.target.nodes];
  const [copy, record, ...told] = await Promise.all([
    readAuthority(ports.source.redis),
    readAuthority(ports.target.redis),
    ...nodes.map((node) => readAuthority(node.redis, authorityOf(node, keyspace))),
  ]);
  // The claim writes the same record everywhere, and the flip writes the target before all others. So a copy that is
  // newer than the target's record shows that the target has lost that record.
  const latest = [copy, ...told].reduce((one, other) =>
    (other?.epoch ?? 0) > (one?.epoch ?? 0) ? other : one,
  );
  if (latest && latest.epoch > (record?.epoch ?? 0)) await writeAuthority(ports.target.run, latest);
}
