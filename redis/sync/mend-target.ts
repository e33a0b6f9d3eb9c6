import type { Keyspace } from '../../domain/keyspace.ts';
import type { Shard } from '../../domain/shard.ts';
import { readAuthority, writeAuthority } from '../authority.ts';
import { writeControl } from '../control.ts';
import { authorityOf, type SidePorts } from './side-port.ts';

/**
 * A target that came back empty or stale has lost our records with its data. What only stands there has a copy on the
 * source: who serves, which datasets take part, which were told apart. Nothing else goes on without them, least of
 * all in silence (L1, L5). Who serves the nodes of a cluster know too, the source's own record may be on a lost one.
 */
export async function mendTarget(ports: SidePorts, keyspace: Keyspace, shard: Shard): Promise<void> {
  const [source, target] = [ports.source.redis, ports.target.redis];
  const nodes = [...ports.source.nodes, ...ports.target.nodes];
  const [copy, record, ...told] = await Promise.all([
    readAuthority(source),
    readAuthority(target),
    ...nodes.map((node) => readAuthority(node.redis, authorityOf(node, keyspace))),
  ]);
  // Claim and flip write the others with what stands here, or after it: a later one there is a copy of what stood here.
  const latest = [copy, ...told].reduce((one, other) =>
    (other?.epoch ?? 0) > (one?.epoch ?? 0) ? other : one,
  );
  if (latest && latest.epoch > (record?.epoch ?? 0)) await writeAuthority(ports.target.run, latest);
  const control = keyspace.control(shard.link.name);
  const [joined, joins] = await Promise.all([source.hget(control, 'joins'), target.hget(control, 'joins')]);
  if (joined === 'jday' && joins !== 'jday')
    await writeControl(target, keyspace, shard.link.name, { joins: 'jday' });
  const adopted = await source.smembers(keyspace.adopted(shard.name));
  if (adopted.length > 0) await target.sadd(keyspace.adopted(shard.name), ...adopted);
}
