import { recordBytes } from '../../state/record-bytes.ts';
import {
  ABSENT,
  type Both,
  contentIn,
  expireAtOf,
  type NextStep,
} from '../../../domain/protocol/protocol.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { keyBytes } from '../../client/key-bytes.ts';
import { entryPlaceOf } from '../../state/ledger.ts';
import {
  type Batch,
  beginBatch,
  type BornLive,
  decideKey,
  distrusted,
  type KeyOutcome,
  type ReconcileContext,
} from '../reconcile/step-decision.ts';
import { agreementOf, carryOf, type Left, writeOf } from '../reconcile/build-write.ts';
import { NOTHING } from '../reconcile/transform-value.ts';
import type { DirtyKey } from '../reconcile/dirty-set.ts';
import { viewOf, type KeyView } from '../reconcile/key-reader.ts';
import { type SideState, UNREAD } from '../store/state-codec.ts';
import { besideOf, readStates } from '../store/store-port.ts';
import { foreignOf, leaveAsIs, outcomeOfDone, type ReadMode, refuse } from '../reconcile/reconciler.ts';
import { hasPieces, stringLength, ValueMoved } from '../../client/chunked-read.ts';
import {
  changedUnseen,
  type Endpoint,
  piecesOf,
  proveUnchanged,
  type StreamSilence,
  silenceOf,
  typeOf,
  walkedState,
} from './endpoint.ts';
import { isTransformed, transformedPieces, sameLarge } from './large-transform.ts';
import {
  buildStaged,
  contentThere,
  isRefusal,
  keptNameOf,
  type StagedShape,
  swap,
  type Swap,
} from './staged-write.ts';

/** What all large keys of an attempt share. */
export type LargeLane = {
  /** For each side: returns the server that holds a key, by the key's name on that side. */
  readonly nodes: Both<(name: string) => Endpoint>;
  readonly shadow: string;
};

type Named = Pick<KeyView, 'work' | 'dataset' | 'names'>;
type OneKey = Batch & {
  readonly shadow: string;
  readonly ends: Both<Endpoint>;
  readonly names: Both<string>;
  /** The silent state of each copy, read before its pieces. */
  readonly silences: Both<StreamSilence>;
};

/** `moved`: the key changed while it was read. It waits longer before each new try. */
export type LargeOutcome = KeyOutcome | { readonly kind: 'moved' };

const SIDES = ['source', 'target'] as const;
const UNREADABLE = 'a large value of a type that only its module can read';

/**
 * Reconciles one key that is too large for a script. The steps are those of every key, but by other commands:
 *
 * 1. It sets a WATCH on both copies, and reads each of them in pieces.
 * 2. It takes the same decision as for a small key.
 * 3. It builds the value under a name of ours, the shadow.
 * 4. An EXEC on the side that the value comes from proves that all pieces belong to one state.
 * 5. A second EXEC puts the shadow in place, together with its ledger entry.
 */
export async function reconcileLarge(
  attempt: ReconcileContext,
  bornLive: BornLive,
  { nodes, shadow }: LargeLane,
  work: DirtyKey,
  mode: ReadMode,
): Promise<LargeOutcome> {
  const { keyMap, known } = attempt;
  known.forget(work.key);
  const located = keyMap.locate(work.key);
  if (!located) return { kind: 'same' };
  const { names } = located;
  const ends = { source: nodes.source(names.source), target: nodes.target(names.target) };
  try {
    for (const side of SIDES) await ends[side].redis.watch(keyBytes(names[side]));
    const [source, target] = await Promise.all(SIDES.map((side) => silenceOf(ends[side], names[side])));
    const silences = { source, target } as Both<StreamSilence>;
    const key = { ...beginBatch(attempt, bornLive), shadow, ends, names, silences };
    return await settle(key, await lookAt(key, { work, ...located }, mode), mode);
  } catch (error) {
    if (error instanceof ValueMoved) return { kind: 'moved' };
    throw error;
  } finally {
    for (const side of SIDES) await ends[side].redis.unwatch().catch(() => undefined);
  }
}

async function lookAt({ attempt, mandate, ends }: OneKey, one: Named, mode: ReadMode): Promise<KeyView> {
  const { keyspace, link, shard } = attempt;
  const place = entryPlaceOf(one.work.key);
  const proofs = { lease: keyspace.lease(shard.name), record: keyspace.witness(shard.name) };
  const look = async (side: Side): Promise<SideState> => {
    const question = { name: one.names[side], place, wanted: 'digest' as const };
    const [state] = (await readStates(ends[side], keyspace, link.name, [question], proofs)) as [SideState];
    if (state.digest !== UNREAD) return state;
    return { ...state, digest: await walkedState(ends[side], keyBytes(one.names[side])) };
  };
  const [source, target] = await Promise.all([look('source'), look('target')]);
  const view = viewOf({ ...one, place }, { source, target }, null);
  return mode === 'mend' ? distrusted(view, mandate.authority) : view;
}

async function settle(key: OneKey, view: KeyView, mode: ReadMode): Promise<LargeOutcome> {
  const foreign = mode === 'adopt' && (await foreignOf(key, [view])).has(view);
  const same = !foreign && (await sameContent(key, view));
  const instruction = await decideKey(key, view, foreign, () => same);
  if (instruction.do === 'leave') return instruction.outcome;
  if (instruction.do === 'carry') return carryOver(key, view, instruction);
  if (instruction.do === 'nothing') return leaveUnchanged(key, view);
  const spelling = instruction.spelled ? await spellingOf(key, view) : '';
  const { on } = instruction;
  return land(key, view, on, swapOf(key, view, on, agreementOf(view, spelling), 'agree', ''));
}

/** Whether two values that have both changed are equal through the transform. */
async function sameContent(
  { ends }: OneKey,
  { decision, states, names, dataset }: KeyView,
): Promise<boolean> {
  if (decision.do !== 'contest' || states.source.digest === ABSENT || states.target.digest === ABSENT)
    return false;
  return sameLarge(dataset, ends, { source: keyBytes(names.source), target: keyBytes(names.target) }, states);
}

async function leaveUnchanged(key: OneKey, view: KeyView): Promise<LargeOutcome> {
  await Promise.all(SIDES.map((side) => proven(key, side)));
  const changed = await changedUnseen(key.ends, view);
  if (changed) return refuseProven(key, view, changed, UNREADABLE);
  return leaveAsIs(key.attempt, view);
}

/** Transforms the source's document only to learn how it spells the names that the transform renames. */
async function spellingOf(key: OneKey, view: KeyView): Promise<string> {
  const value = await valueOf(key, view, 'target');
  return 'reason' in value ? '' : value.spelling;
}

async function carryOver(
  key: OneKey,
  view: KeyView,
  step: Extract<NextStep, { do: 'carry' }>,
): Promise<LargeOutcome> {
  const { to } = step;
  const from = otherSide(to);
  const value = view.states[from].digest === ABSENT ? null : await valueOf(key, view, to);
  if (value && 'reason' in value) return refuseProven(key, view, from, value.reason);
  if (value) {
    try {
      await buildStaged(key.ends[to], shadowOf(key, view, to), value);
    } catch (error) {
      if (isRefusal(error)) return refuseProven(key, view, from, 'the server refused a piece of the value');
      throw error;
    }
  }
  const content = value ? await contentOf(key, view, to, value) : '';
  const spelling = value?.spelling ?? view.agreed?.spelling ?? '';
  await key.attempt.reached?.('shadow built');
  const swap = swapOf(key, view, to, carryOf(view, step, spelling), value ? 'rename' : 'delete', content);
  return land(key, view, to, swap, step.stray);
}

/** The content that the ledger entry records for the value that was built. */
function contentOf(key: OneKey, view: KeyView, to: Side, { asIs }: Value): Promise<string> {
  const { digest, value } = view.states[otherSide(to)];
  const copied = value.form === 'large' && asIs && !key.attempt.typed ? contentIn(digest) : null;
  const { keyspace, link } = key.attempt;
  const there = { copied, expireAt: expireAtOf(digest) ?? -1n };
  return contentThere(key.ends[to], keyspace, link.name, shadowOf(key, view, to), there);
}

/** `asIs`: the value needs no transform. */
type Value = StagedShape & { readonly spelling: string; readonly asIs: boolean };

/** Reads the value of the other side, in the form that it has on `to`. */
async function valueOf(key: OneKey, view: KeyView, to: Side): Promise<Value | { reason: string }> {
  const from = otherSide(to);
  const [end, bytes] = [key.ends[from], keyBytes(view.names[from])];
  const type = await typeOf(end.redis, bytes);
  if (!hasPieces(type)) return { reason: UNREADABLE };
  const spelling = view.agreed?.spelling ?? '';
  if (!isTransformed(view.dataset, type)) {
    const stringBytes = type === 'string' ? await stringLength(end.redis, bytes) : null;
    return { stringBytes, pieces: piecesOf(end, bytes, type), spelling, asIs: true };
  }
  const lensed = await transformedPieces(view.dataset, to, { end, key: bytes, type }, spelling);
  if (!lensed.ok) return { reason: lensed.reason };
  const only = type === 'string' ? (lensed.pieces[0]?.args[0]?.length ?? 0) : null;
  return { stringBytes: only, pieces: each(lensed.pieces), spelling: lensed.spelling, asIs: false };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/**
 * Puts the value into quarantine, unless it has changed while it was read. The server may also refuse pieces that belong
 * to two states: such a value is read again.
 */
async function refuseProven(key: OneKey, view: KeyView, from: Side, reason: string): Promise<KeyOutcome> {
  await proven(key, from);
  return refuse(key.attempt, view, from, reason);
}

/**
 * Writes the result. First it proves that the other side is unchanged since it was read. A later change there raises an
 * event of its own, so it is not lost.
 */
async function land(key: OneKey, view: KeyView, side: Side, one: Swap, stray = false): Promise<LargeOutcome> {
  await proven(key, otherSide(side));
  await key.attempt.reached?.(`before apply ${side}`);
  const word = await swap(key.ends[side], key.attempt.keyspace, key.attempt.link.name, key.mandate, one);
  await key.attempt.reached?.(`applied ${side}`);
  if (word === 'epoch') return { kind: 'epoch' };
  if (word !== 'done') return { kind: 'moved' };
  await key.attempt.quarantine.settled(view.work.key);
  if (one.journal) await countLargeLoser(key, side, one);
  return outcomeOfDone(view, side, one, stray);
}

/** A large loser has a key of its own, which the size of the journal does not include. */
async function countLargeLoser({ ends, attempt }: OneKey, side: Side, one: Swap): Promise<void> {
  const kept = keptNameOf(ends[side], attempt.keyspace, attempt.link.name, one);
  attempt.records.largeBytes[side] += await recordBytes(ends[side].redis, kept);
}

function proven({ ends, names, silences }: OneKey, side: Side): Promise<void> {
  return proveUnchanged(ends[side], names[side], silences[side]);
}

function shadowOf({ ends, shadow }: OneKey, { names }: KeyView, side: Side): string {
  return besideOf(ends[side], shadow, names[side]);
}

function swapOf(key: OneKey, view: KeyView, side: Side, left: Left, act: Swap['act'], content: string): Swap {
  const { value: _none, ...write } = writeOf(view, side, key.attempt.stamp(), left, act, NOTHING);
  return { ...write, silent: key.silences[side].atOnce, shadow: shadowOf(key, view, side), content };
}
