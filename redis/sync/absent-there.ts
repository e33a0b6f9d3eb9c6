import { chunksOf } from '../chunks.ts';
import { keyBytes } from '../key-bytes.ts';
import type { SidePort } from './side-port.ts';

/** Keys (byte strings) of one EXISTS: it takes some 30 µs. */
const AT_ONCE = 64;

/**
 * Which of these names a side may lack: those of every group in which one is missing. On a cluster, whose nodes refuse
 * one question about several slots, all of them.
 */
export async function absentThere(port: SidePort, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (port.nodes.length > 1 || port.nodes[0]?.tag !== '') return new Set(names);
  const groups = chunksOf(names, AT_ONCE);
  const pipeline = port.redis.pipeline();
  for (const group of groups) pipeline.exists(...group.map(keyBytes));
  const found = ((await pipeline.exec()) ?? []).map(([error, count]) => {
    if (error) throw error;
    return count;
  });
  return new Set(groups.filter((group, i) => found[i] !== group.length).flat());
}
