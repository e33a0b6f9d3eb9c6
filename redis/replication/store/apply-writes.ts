import type { Digest } from '../../../domain/protocol/protocol.ts';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import type { EntryPlace } from '../../state/ledger.ts';
import { LeaseLost } from './failure-kinds.ts';
import { MOST_BYTES } from './script-batcher.ts';
import { authorityOf, ledgerOf, type NodePort, onNodes, type SidePort } from './store-port.ts';

/** One write of a state, with everything that its atomic step needs (see `land` in domain/protocol/landing.ts). */
export type KeyWrite = {
  readonly name: string;
  readonly place: EntryPlace;
  readonly act: 'restore' | 'string' | 'hash' | 'list' | 'set' | 'zset' | 'delete' | 'agree';
  readonly expected: Digest;
  readonly expectedEntry: string;
  readonly value: Buffer;
  /** Absolute expiry, ms since epoch; -1 = no expiry. */
  readonly expireAt: bigint;
  readonly stamp: string;
  /**
   * State of the other side, as the reconciler read it. The new ledger entry holds it beside the state of this side.
   */
  readonly other: Digest;
  /** The part of the ledger entry behind the two states; empty = the write leaves no entry. */
  readonly tail: string;
  /** Copy the current value into the conflict journal. */
  readonly journal: boolean;
  /** Keep the current value as pre-image, unless one is there already. It was not ours, and an abort restores it. */
  readonly preimage: boolean;
};

export type WriteAnswer = 'done' | 'stale' | 'unfit' | 'epoch';

/** `left`: the state that the write left on the server; `null` = the write was not done. */
export type WriteOutcome = { readonly word: WriteAnswer; readonly left: Digest | null };

/** The lease that this attempt holds for its shard, and the epoch in which the reconciler took its decisions. */
export type Mandate = { readonly shard: string; readonly token: number; readonly epoch: number };

export async function applyWrites(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  mandate: Mandate,
  writes: readonly KeyWrite[],
): Promise<readonly WriteOutcome[]> {
  const { outcomes, failures } = await tryWrites(port, keyspace, link, mandate, writes);
  if (failures.length > 0) throw failures[0];
  return outcomes as readonly WriteOutcome[];
}

/**
 * Does the same as `applyWrites`, but one failed call does not hide the outcomes of the others.
 *
 * @returns an outcome for each write; `null` = its call failed, so its outcome is not known
 */
export async function tryWrites(
  port: SidePort,
  keyspace: Keyspace,
  link: string,
  mandate: Mandate,
  writes: readonly KeyWrite[],
): Promise<{ readonly outcomes: readonly (WriteOutcome | null)[]; readonly failures: readonly unknown[] }> {
  const failures: unknown[] = [];
  if (writes.length === 0) return { outcomes: [], failures };
  const outcomes = await onNodes<KeyWrite, WriteOutcome | null>(port, writes, async (node, mine) => {
    const parts = [...byBytes(mine)].map((part) =>
      applyOn(node, keyspace, link, mandate, part).catch((error: unknown) => {
        failures.push(error);
        return part.map(() => null);
      }),
    );
    return (await Promise.all(parts)).flat();
  });
  return { outcomes, failures };
}

function* byBytes(writes: readonly KeyWrite[]): Generator<readonly KeyWrite[]> {
  let [from, bytes] = [0, 0];
  for (const [at, { value }] of writes.entries()) {
    if (at > from && bytes + value.length > MOST_BYTES) {
      yield writes.slice(from, at);
      [from, bytes] = [at, 0];
    }
    bytes += value.length;
  }
  yield from === 0 ? writes : writes.slice(from);
}

async function applyOn(
  port: NodePort,
  keyspace: Keyspace,
  link: string,
  mandate: Mandate,
  writes: readonly KeyWrite[],
): Promise<readonly WriteOutcome[]> {
  const keys: string[] = [];
  const args: (string | Buffer)[] = [];
  for (const write of writes) {
    keys.push(write.name, ledgerOf(port, keyspace, link, write.name, write.place));
    args.push(recordOf(write), String(write.expireAt), write.place.field, write.value);
  }
  const words = await port.scripts.write({
    lease: tagged(keyspace.lease(mandate.shard), port.tag),
    authority: authorityOf(port, keyspace),
    journal: tagged(keyspace.journal(link), port.tag),
    preimage: tagged(keyspace.preimage(link), port.tag),
    token: String(mandate.token),
    epoch: String(mandate.epoch),
    keys,
    args,
  });
  return words.map(outcomeOf);
}

/** @throws LeaseLost; redis/scripts/apply.lua lists the answers */
function outcomeOf(word: string): WriteOutcome {
  if (word === 'F') throw new LeaseLost();
  if (word === 'E') return { word: 'epoch', left: null };
  if (word.startsWith('D')) return { word: 'done', left: word.slice(1) };
  return { word: word.startsWith('S') ? 'stale' : 'unfit', left: null };
}

const ACTS: Readonly<Record<KeyWrite['act'], string>> = {
  restore: 'R',
  string: 'S',
  hash: 'H',
  list: 'L',
  set: 'T',
  zset: 'Z',
  delete: 'D',
  agree: 'A',
};

/** The layout is described in redis/scripts/apply.lua. */
function recordOf(write: KeyWrite): string {
  const flags = (write.journal ? 1 : 0) + (write.preimage ? 2 : 0) + (write.tail === '' ? 4 : 0);
  const { expected, stamp, other, tail, expectedEntry } = write;
  const tailLength = String.fromCharCode(tail.length >> 8, tail.length & 0xff);
  return ACTS[write.act] + flags + expected + stamp + other + tailLength + tail + expectedEntry;
}

/** The ledger entry that stands beside the state `left` after the write. */
export function entryOf({ stamp, other, tail }: KeyWrite, side: Side, left: Digest): string {
  return stamp + (side === 'source' ? left + other : other + left) + tail;
}
