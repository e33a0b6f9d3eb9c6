import { type Digest, expireAtOf } from '../../domain/digest.ts';
import type { Both } from '../../domain/protocol.ts';
import type { Dataset } from '../../domain/plan.ts';
import { canonicalScore } from '../sync/carry.ts';
import type { Rebuild } from '../typed/rebuild.ts';
import { hasPieces } from '../typed/walk.ts';
import { contentOf } from './content.ts';
import { type End, piecesOf, typeOf } from './end.ts';
import { isLensed, lensedPieces } from './lensed.ts';

/** Whether both copies of a key say the same in V2's form, whatever server they stand on; expiry included (L4). */
export async function sameLarge(
  dataset: Dataset,
  ends: Both<End>,
  keys: Both<Buffer>,
  states: Both<{ readonly digest: Digest }>,
): Promise<boolean> {
  if (expireAtOf(states.source.digest) !== expireAtOf(states.target.digest)) return false;
  const [source, target] = [
    await canonical(dataset, ends.source, keys.source),
    await canonical(dataset, ends.target, keys.target),
  ];
  return source !== null && source === target;
}

async function canonical(dataset: Dataset, end: End, key: Buffer): Promise<string | null> {
  const type = await typeOf(end.redis, key);
  if (!hasPieces(type)) return null;
  const content = contentOf(type);
  if (!isLensed(dataset, type)) {
    for await (const piece of piecesOf(end, key, type)) content.add(sameEverywhere(piece));
    return `${type} ${content.digest()}`;
  }
  const lensed = await lensedPieces(dataset, 'target', { end, key, type }, 0);
  if (!lensed.ok) return null;
  for (const piece of lensed.pieces) content.add(piece);
  return `${type} ${content.digest()}`;
}

/** Servers print one double in several ways: the number counts. */
function sameEverywhere(piece: Rebuild): Rebuild {
  if (piece.words[0] !== 'ZADD') return piece;
  return {
    ...piece,
    args: piece.args.map((part, i) => (i % 2 === 0 ? canonicalScore(part.toString('latin1')) : part)),
  };
}
