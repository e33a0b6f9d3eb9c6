/** A link has two sides: `source` (V1 or Nexten) and `target` (V2). The authority is one of them (L1). */
export type Side = 'source' | 'target';

export function otherSide(side: Side): Side {
  return side === 'source' ? 'target' : 'source';
}
