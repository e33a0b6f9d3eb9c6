import { ABSENT, expireAtOf } from '../../domain/digest.ts';
import { newest } from '../../domain/ledger-entry.ts';
import {
  type Both,
  forgetsTwice,
  keepsPreimage,
  leavesNoEntry,
  nextStep,
  oursAfter,
  type Step,
} from '../../domain/protocol.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import type { Ruling } from '../../domain/suspicion.ts';
import { decide } from '../../domain/three-way.ts';
import { keyBytes } from '../key-bytes.ts';
import { entryTail, placeOf } from '../ledger.ts';
import { Absences } from '../sync/absences.ts';
import type { Work } from '../sync/dirty-keys.ts';
import type { Pair } from '../sync/pair.ts';
import { type SideState, UNREAD } from '../sync/read-reply.ts';
import { readStates } from '../sync/read-states.ts';
import { type Fate, foreignOf, type Manner, type ReconcileContext } from '../sync/reconcile.ts';
import { ruled } from '../sync/ruled.ts';
import { besideOf } from '../sync/side-port.ts';
import { hasPieces, Unsteady } from '../typed/walk.ts';
import { type End, piecesOf, prove, typeOf, walkedState } from './end.ts';
import { isLensed, lensedPieces } from './lensed.ts';
import { sameLarge } from './same-large.ts';
import { buildShadow, contentThere, type Shape } from './shadow.ts';
import { swap, type Swap } from './swap.ts';

export type LargeContext = ReconcileContext & {
  /** The server of each side that holds a key, by its name there. */
  readonly nodes: Both<(name: string) => End>;
  readonly shadow: string;
};

type OneKey = LargeContext & { readonly ends: Both<End> };

/** `moved`: it changed while it was read; it waits a little longer each time. */
export type LargeFate = Fate | { readonly kind: 'moved' };

const SIDES = ['source', 'target'] as const;
const UNREADABLE = 'a large value of a type that only its module can read';

/**
 * The way of a key that is no work for one script: the protocol for one key (design §5) by other means. WATCH on both
 * copies, a walk over each in pieces, the same decision; then the value is built under a name of ours, and takes its
 * place in one step with its ledger entry. EXEC proves that what was walked over was one state.
 */
export async function reconcileLarge(large: LargeContext, work: Work, manner: Manner): Promise<LargeFate> {
  const { nodes, keyMap, known } = large;
  known.forget(work.key);
  const dataset = keyMap.owner('source', work.key);
  if (!dataset) return { kind: 'same' };
  const names = { source: work.key, target: keyMap.counterpart(dataset, 'source', work.key) };
  const ends = { source: nodes.source(names.source), target: nodes.target(names.target) };
  const context = { ...large, ends };
  try {
    return await settle(context, await lookAt(context, { work, dataset, names }), manner);
  } catch (error) {
    if (error instanceof Unsteady) return { kind: 'moved' };
    throw error;
  } finally {
    for (const side of SIDES) await ends[side].redis.unwatch().catch(() => undefined);
  }
}

async function lookAt(context: OneKey, one: Pick<Pair, 'work' | 'dataset' | 'names'>): Promise<Pair> {
  const { ends, keyspace, link } = context;
  const { names } = one;
  const place = placeOf(one.work.key);
  const look = async (side: Side): Promise<SideState> => {
    await ends[side].redis.watch(keyBytes(names[side]));
    const question = { name: names[side], place, wanted: 'digest' as const };
    const [state] = (await readStates(ends[side], keyspace, link, [question])) as [SideState];
    if (state.digest !== UNREAD) return state;
    return { ...state, digest: await walkedState(ends[side], keyBytes(names[side])) };
  };
  const [source, target] = await Promise.all([look('source'), look('target')]);
  const agreed = newest(source.entry, target.entry);
  return { ...one, place, states: { source, target }, agreed, assumed: null };
}

async function settle(context: OneKey, pair: Pair, manner: Manner): Promise<LargeFate> {
  const foreign = manner === 'adopt' && (await foreignOf(context, [pair])).has(pair);
  const step = foreign ? ({ do: 'agree', on: 'target' } as const) : await stepOf(context, pair);
  if (step.do === 'hold') return { kind: 'parked' };
  const { source, target } = pair.states;
  if (step.do === 'nothing') {
    await Promise.all(SIDES.map((side) => prove(context.ends[side])));
    const changed = await changedUnseen(context, pair);
    if (changed) return refuse(context, pair, changed, UNREADABLE);
    if (source.digest === ABSENT && target.digest === ABSENT) await context.quarantine.settled(pair.work.key);
    return { kind: 'same' };
  }
  if (step.do === 'wait')
    return step.closed === 'parked' ? { kind: 'parked', until: step.to } : { kind: 'same' };
  if (step.do === 'carry') return carryOver(context, pair, step);
  const spelling = step.do === 'agree' && !foreign ? await spellingOf(context, pair) : 0;
  if (typeof spelling !== 'number') return spelling;
  const tail = entryTail({ ours: pair.agreed?.ours ?? false, spelling });
  return land(context, pair, { ...basics(context, pair, step.on), act: 'agree', tail });
}

/** The side where a value changed whose state says too little to tell: what cannot be told is not passed over (L11). */
async function changedUnseen({ ends }: OneKey, { work, states, names }: Pair): Promise<Side | null> {
  for (const side of SIDES) {
    if (work.since[side] === undefined || states[side].value.form !== 'large') continue;
    const type = await typeOf(ends[side].redis, keyBytes(names[side]));
    if (type !== 'none' && !hasPieces(type)) return side;
  }
  return null;
}

async function stepOf(context: OneKey, pair: Pair): Promise<Ruling> {
  const { source, target } = pair.states;
  const contested = decide(pair.agreed, source, target).do === 'contest';
  const present = source.digest !== ABSENT && target.digest !== ABSENT;
  const keys = { source: keyBytes(pair.names.source), target: keyBytes(pair.names.target) };
  const same = contested && present && (await sameLarge(pair.dataset, context.ends, keys, pair.states));
  const { authority } = context.mandate;
  const decided = nextStep(pair.states, { authority, closed: context.closed, same: () => same });
  const step = await ruled(context.breaker, pair, decided, new Absences(context.breaker));
  const closed = step !== decided && step.do === 'carry' && context.closed(step.to);
  return closed ? { do: 'wait', to: step.to, closed } : step;
}

/** What the source's document would become tells how it spelled its names. */
async function spellingOf(context: OneKey, pair: Pair): Promise<number | LargeFate> {
  const value = await valueOf(context, pair, 'target');
  return 'reason' in value ? 0 : value.spelling;
}

async function carryOver(
  context: OneKey,
  pair: Pair,
  step: Extract<Step, { do: 'carry' }>,
): Promise<LargeFate> {
  const { to, conflict } = step;
  const from = otherSide(to);
  const value = pair.states[from].digest === ABSENT ? null : await valueOf(context, pair, to);
  if (value && 'reason' in value) return refuse(context, pair, from, value.reason);
  if (value) {
    try {
      await buildShadow(context.ends[to], shadowOf(context, pair, to), value);
    } catch (error) {
      if (isRefusal(error)) return refuse(context, pair, from, 'the server refused a piece of the value');
      throw error;
    }
  }
  const content = value ? await contentOf(context, pair, to, value) : '';
  const ours = oursAfter(to, pair.states, pair.agreed);
  const spelling = value?.spelling ?? pair.agreed?.spelling ?? 0;
  await context.reached?.('shadow built');
  return land(context, pair, {
    ...basics(context, pair, to),
    act: value ? 'rename' : 'delete',
    content,
    expireAt: expireAtOf(pair.states[from].digest) ?? -1,
    tail: leavesNoEntry(step, pair.states) ? '' : entryTail({ ours, spelling }),
    journal: conflict,
    preimage: keepsPreimage(to, pair.agreed),
  });
}

/** What the ledger will say of a value that was built. */
function contentOf(context: OneKey, pair: Pair, to: Side, { asIs }: Value): Promise<string> {
  const { digest, value } = pair.states[otherSide(to)];
  const copied = value.form === 'large' && asIs && !context.typed ? digest.slice(0, 8) : null;
  const { ends, keyspace, link } = context;
  return contentThere(ends[to], keyspace, link, shadowOf(context, pair, to), copied);
}

/** `asIs`: without a transform. */
type Value = Shape & { readonly spelling: number; readonly asIs: boolean };

/** The value of the other side in the form that it has on `to`. */
async function valueOf(context: OneKey, pair: Pair, to: Side): Promise<Value | { reason: string }> {
  const from = otherSide(to);
  const [end, key] = [context.ends[from], keyBytes(pair.names[from])];
  const type = await typeOf(end.redis, key);
  if (!hasPieces(type)) return { reason: UNREADABLE };
  const spelling = pair.agreed?.spelling ?? 0;
  if (!isLensed(pair.dataset, type)) {
    const stringBytes = type === 'string' ? await end.redis.strlen(key) : null;
    return { stringBytes, pieces: piecesOf(end, key, type), spelling, asIs: true };
  }
  const lensed = await lensedPieces(pair.dataset, to, { end, key, type }, spelling);
  if (!lensed.ok) return { reason: lensed.reason };
  const only = type === 'string' ? (lensed.pieces[0]?.args[0]?.length ?? 0) : null;
  return { stringBytes: only, pieces: each(lensed.pieces), spelling: lensed.spelling, asIs: false };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function refuse(context: OneKey, pair: Pair, from: Side, reason: string): Promise<Fate> {
  // Pieces of two states can be refused too: such a value is walked over again.
  await prove(context.ends[from]);
  await context.quarantine.put(pair, from, reason);
  await context.reached?.('quarantined');
  return { kind: 'quarantined' };
}

/** A command that the server does not know, or not with these arguments; not one that it refuses to anybody now. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && /^ERR /.test(error.message);
}

/** The other side is proven first: from then on its changes are new ones, and come as events. */
async function land(context: OneKey, pair: Pair, one: Swap & { readonly side: Side }): Promise<LargeFate> {
  const { side } = one;
  await prove(context.ends[otherSide(side)]);
  await context.reached?.(`before apply ${side}`);
  const word = await swap(context.ends[side], context.keyspace, context.link, context.mandate, one);
  await context.reached?.(`applied ${side}`);
  if (word === 'epoch') return { kind: 'epoch' };
  if (word !== 'done') return { kind: 'moved' };
  await context.quarantine.settled(pair.work.key);
  if (forgetsTwice(pair.states)) return { kind: 'again' };
  return one.act === 'agree' ? { kind: 'same' } : { kind: 'carried', to: side, conflict: one.journal };
}

function shadowOf({ ends, shadow }: OneKey, { names }: Pair, side: Side): string {
  return besideOf(ends[side], shadow, names[side]);
}

function basics(context: OneKey, pair: Pair, side: Side) {
  return {
    side,
    name: pair.names[side],
    place: pair.place,
    expected: pair.states[side].digest,
    expectedEntry: pair.states[side].entryBytes,
    shadow: shadowOf(context, pair, side),
    content: '',
    expireAt: -1,
    stamp: context.stamp(),
    other: pair.states[otherSide(side)].digest,
    journal: false,
    preimage: false,
  };
}
