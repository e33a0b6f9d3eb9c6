import { asBuffer } from '../../client/key-bytes.ts';
import type { Dataset, Side } from '../../../domain/plan/plan.ts';
import type { Lens, Value } from '../../../domain/transform/lens.ts';
import { scoreText, lensFor } from '../reconcile/transform-value.ts';
import { hasPieces, rebuild, type Rebuild } from '../../client/chunked-read.ts';
import { type Endpoint, piecesOf, typeOf } from './endpoint.ts';
import { type Both, type Digest, expireAtOf } from '../../../domain/protocol/protocol.ts';
import { contentOf } from '../reconcile/large-digest.ts';

/** A transform needs the whole document in memory, and blocks the process meanwhile (10 ms for each MB). */
const MOST_LENSED_BYTES = 16 * 1024 * 1024;
const PIECE_FIELDS = 64;

type LensedPieces =
  | { readonly ok: true; readonly pieces: readonly Rebuild[]; readonly spelling: string }
  | { readonly ok: false; readonly reason: string };

/** Returns true when the dataset transforms values of that type. */
export function isTransformed(dataset: Dataset, type: string): boolean {
  return lensFor(dataset) !== null && (type === 'string' || type === 'hash');
}

/** Reads a large string or hash, and transforms it to the form of side `to`. The caller holds a WATCH on the key. */
export async function transformedPieces(
  dataset: Dataset,
  to: Side,
  from: { readonly end: Endpoint; readonly key: Buffer; readonly type: string },
  spelling: string,
): Promise<LensedPieces> {
  const lens = lensFor(dataset) as Lens;
  const held = await hold(from.end, from.key, from.type);
  if (!held) return { ok: false, reason: 'too large to be transformed: more than 16 MB' };
  const through = (value: Value) => (to === 'target' ? lens.up(value) : lens.down(value, spelling));
  const lensed = through(held.value);
  if (!lensed.ok) return lensed;
  const ttls: Rebuild[] = [];
  for (const [field, ms] of held.ttls) {
    // The field keeps its expiry under its new name. The new name depends only on the old name, not on the value.
    const one = through({ kind: 'hash', fields: [[field, Buffer.alloc(0)]] });
    const names = one.ok && one.value.kind === 'hash' ? one.value.fields.map(([name]) => asBuffer(name)) : [];
    for (const name of names) ttls.push(rebuild('HPEXPIREAT', [ms, 'FIELDS', '1', name]));
  }
  return { ok: true, pieces: [...commandsOf(lensed.value), ...ttls], spelling: lensed.spelling };
}

type Held = { readonly value: Value; readonly ttls: readonly (readonly [Buffer, string])[] };

async function hold(end: Endpoint, key: Buffer, type: string): Promise<Held | null> {
  let bytes = 0;
  const parts: Buffer[] = [];
  const ttls: [Buffer, string][] = [];
  for await (const { words, args } of piecesOf(end, key, type)) {
    if (words[0] === 'HPEXPIREAT') {
      ttls.push([args[3] as Buffer, args[0] as string]);
      continue;
    }
    for (const part of args as Buffer[]) {
      bytes += part.length;
      parts.push(part);
    }
    if (bytes > MOST_LENSED_BYTES) return null;
  }
  return { value: type === 'string' ? { kind: 'string', bytes: Buffer.concat(parts) } : hashOf(parts), ttls };
}

function hashOf(flat: readonly Buffer[]): Value {
  const fields: (readonly [Buffer, Buffer])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return { kind: 'hash', fields };
}

function commandsOf(value: Value): Rebuild[] {
  if (value.kind === 'string') return [rebuild('APPEND', [asBuffer(value.bytes)])];
  const commands: Rebuild[] = [];
  for (let from = 0; from < value.fields.length; from += PIECE_FIELDS) {
    const fields = value.fields.slice(from, from + PIECE_FIELDS);
    commands.push(rebuild('HSET', fields.flat().map(asBuffer)));
  }
  return commands;
}

/** Returns true when both copies of a key are equal in V2's form and in their expiry, whatever engines hold them. */
export async function sameLarge(
  dataset: Dataset,
  ends: Both<Endpoint>,
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

async function canonical(dataset: Dataset, end: Endpoint, key: Buffer): Promise<string | null> {
  const type = await typeOf(end.redis, key);
  if (!hasPieces(type)) return null;
  const content = contentOf(type);
  if (!isTransformed(dataset, type)) {
    for await (const piece of piecesOf(end, key, type)) content.add(sameEverywhere(piece));
    return `${type} ${await content.digest()}`;
  }
  const lensed = await transformedPieces(dataset, 'target', { end, key, type }, '');
  if (!lensed.ok) return null;
  for (const piece of lensed.pieces) content.add(piece);
  return `${type} ${await content.digest()}`;
}

/** Engines print the same double in different ways. So the score is compared as a number. */
function sameEverywhere(piece: Rebuild): Rebuild {
  if (piece.words[0] !== 'ZADD') return piece;
  return {
    ...piece,
    args: piece.args.map((part, i) => (i % 2 === 0 ? scoreText(part.toString('latin1')) : part)),
  };
}
