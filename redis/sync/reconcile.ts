import { ABSENT } from '../../domain/digest.ts';
import type { KeyMap } from '../../domain/key-map.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { newest } from '../../domain/ledger-entry.ts';
import type { Dataset } from '../../domain/plan.ts';
import { type Closed, forgetsTwice, nextStep } from '../../domain/protocol.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { type Decision, decide } from '../../domain/three-way.ts';
import { placeOf } from '../ledger.ts';
import { applyWrites, type Mandate, type Written } from './apply-writes.ts';
import type { Breaker } from './breaker.ts';
import { carry, lensFor, sameThroughTransform } from './carry.ts';
import type { Work } from './dirty-keys.ts';
import { type Draft, draftAgreement, draftCarry } from './draft.ts';
import type { Pair } from './pair.ts';
import type { Quarantine } from './quarantine.ts';
import { readStates, type SideState, type Wanted } from './read-states.ts';
import type { SidePorts } from './side-port.ts';
import type { Reached } from './step.ts';

/** What became of a key after one look. */
export type Fate =
  | { readonly kind: 'same' | 'again' | 'parked' | 'quarantined' | 'epoch' }
  | { readonly kind: 'carried'; readonly to: Side; readonly conflict: boolean };

export type ReconcileContext = {
  readonly link: string;
  readonly keyspace: Keyspace;
  readonly keyMap: KeyMap;
  readonly ports: SidePorts;
  readonly breaker: Breaker;
  readonly quarantine: Quarantine;
  readonly stamp: () => Buffer;
  readonly reached?: Reached | undefined;
  /** Of one moment: a decision taken under one authority must not be written under another epoch (L1). */
  readonly mandate: Mandate & { readonly authority: Side };
  /** The side that must not be written to now: it is paused for a cutover, or the mode is one-way. */
  readonly closed: (side: Side) => Closed | null;
  /** Of keys that only the target has: those an app wrote while the feed ran. Complete up to the moment of the call. */
  readonly bornLive: (sourceKeys: readonly string[]) => Promise<ReadonlySet<string>>;
};

/** `scan` reads the source's value at once; `adopt` takes keys that only the target has for V2's own. */
export type Manner = 'change' | 'scan' | 'adopt';

/**
 * The way of a key (design §5): read both sides, decide three-way, write by compare-and-set. Fates come back in
 * the order of the works. Keys that no dataset owns are `same`.
 */
export async function reconcile(
  context: ReconcileContext,
  works: readonly Work[],
  manner: Manner,
): Promise<readonly Fate[]> {
  const fates = new Map<Work, Fate>(works.map((work) => [work, { kind: 'same' }]));
  let pairs = await look(
    context,
    works,
    manner === 'scan' ? () => ({ source: 'value', target: 'digest' }) : dirtySides,
  );
  const foreign = manner === 'adopt' ? await foreignOf(context, pairs) : new Set<Pair>();
  const unread = pairs.filter((pair) => !foreign.has(pair) && lacksValue(pair, decideOf(pair)));
  if (unread.length > 0) {
    const read = await look(
      context,
      unread.map((pair) => pair.work),
      () => ({ source: 'value', target: 'value' }),
    );
    pairs = [...pairs.filter((pair) => !unread.includes(pair)), ...read];
  }
  await context.reached?.('keys read');
  const drafts: Draft[] = [];
  for (const pair of pairs) {
    const drafted = foreign.has(pair)
      ? draftAgreement(pair, 'target', context.stamp(), 0)
      : await draft(context, pair);
    if ('kind' in drafted) fates.set(pair.work, drafted);
    else drafts.push(drafted);
  }
  await context.reached?.('drafted');
  await Promise.all((['source', 'target'] as const).map((side) => apply(context, side, drafts, fates)));
  return works.map((work) => fates.get(work) as Fate);
}

type Wants = Readonly<Record<Side, 'digest' | 'value'>>;

/** A side that changed is read whole: most changes travel. */
function dirtySides(work: Work): Wants {
  return {
    source: work.since.source === undefined ? 'digest' : 'value',
    target: work.since.target === undefined ? 'digest' : 'value',
  };
}

async function look(
  context: ReconcileContext,
  works: readonly Work[],
  wants: (work: Work) => Wants,
): Promise<Pair[]> {
  const asked = works.flatMap((work) => {
    const dataset = context.keyMap.owner('source', work.key);
    if (!dataset) return [];
    const names = { source: work.key, target: context.keyMap.counterpart(dataset, 'source', work.key) };
    return [{ work, dataset, names, place: placeOf(work.key), wants: wants(work) }];
  });
  if (asked.length === 0) return [];
  const question = (side: Side) =>
    readStates(
      context.ports[side],
      context.keyspace,
      context.link,
      asked.map((one) => ({
        name: one.names[side],
        place: one.place,
        wanted: wantedOf(one.dataset, one.wants[side]),
      })),
    );
  const [source, target] = await Promise.all([question('source'), question('target')]);
  return asked.map((one, i) => {
    const states = { source: source[i] as SideState, target: target[i] as SideState };
    return { ...one, states, agreed: newest(states.source.entry, states.target.entry) };
  });
}

function wantedOf(dataset: Dataset, want: 'digest' | 'value'): Wanted {
  if (want === 'digest') return 'digest';
  return lensFor(dataset) ? 'typed' : 'dump';
}

function decideOf(pair: Pair): Decision {
  return decide(pair.agreed, pair.states.source, pair.states.target);
}

function lacksValue(pair: Pair, decision: Decision): boolean {
  const unread = (side: Side) =>
    pair.states[side].digest !== ABSENT && pair.states[side].value.form === 'none';
  if (decision.do === 'carry') return unread(otherSide(decision.to));
  return decision.do === 'contest' && (unread('source') || unread('target'));
}

/**
 * V2's own keys: there before we came, so they agree as they are and do not travel. A key written since the feed
 * runs is a change like any other; it is told apart after the read, when every event up to it has been heard.
 */
async function foreignOf(context: ReconcileContext, pairs: readonly Pair[]): Promise<ReadonlySet<Pair>> {
  const unknown = pairs.filter(
    (pair) =>
      pair.agreed === null && pair.states.source.digest === ABSENT && pair.states.target.digest !== ABSENT,
  );
  if (unknown.length === 0) return new Set();
  const live = await context.bornLive(unknown.map((pair) => pair.work.key));
  return new Set(unknown.filter((pair) => !live.has(pair.work.key)));
}

async function draft(context: ReconcileContext, pair: Pair): Promise<Draft | Fate> {
  if (lacksValue(pair, decideOf(pair))) return { kind: 'again' };
  const { source, target } = pair.states;
  const step = nextStep(pair.states, {
    authority: context.mandate.authority,
    closed: context.closed,
    same: () => sameThroughTransform(pair.dataset, source, target),
  });
  if (step.do === 'nothing') {
    if (source.digest === ABSENT && target.digest === ABSENT) await context.quarantine.settled(pair.work.key);
    return { kind: 'same' };
  }
  if (step.do === 'forget') return draftAgreement(pair, step.on, context.stamp(), 0);
  if (step.do === 'agree') return agreeOnEqual(context, pair, step.on);
  if (step.do === 'wait') return { kind: step.closed === 'parked' ? 'parked' : 'same' };
  const from = otherSide(step.to);
  if (step.absence && (await context.breaker.holds(from, context.ports[from].redis)))
    return { kind: 'parked' };
  const drafted = draftCarry(pair, step, context.stamp());
  if ('write' in drafted) return drafted;
  await context.quarantine.put(pair, from, drafted.reason);
  await context.reached?.('quarantined');
  return { kind: 'quarantined' };
}

/** Nothing travels; what the source's document would become tells how it spelled its names. */
function agreeOnEqual(context: ReconcileContext, pair: Pair, on: Side): Draft {
  const up = carry(pair.dataset, 'target', pair.states.source.value, 0);
  return draftAgreement(pair, on, context.stamp(), up.ok ? up.spelling : 0);
}

async function apply(
  context: ReconcileContext,
  side: Side,
  drafts: readonly Draft[],
  fates: Map<Work, Fate>,
): Promise<void> {
  const mine = drafts.filter((one) => one.side === side);
  if (mine.length === 0) return;
  await context.reached?.(`before apply ${side}`);
  const words = await applyWrites(
    context.ports[side],
    context.keyspace,
    context.link,
    context.mandate,
    mine.map((one) => one.write),
  );
  await context.reached?.(`applied ${side}`);
  for (const [i, one] of mine.entries())
    fates.set(one.pair.work, await fateOf(context, one, words[i] as Written));
}

async function fateOf(context: ReconcileContext, one: Draft, word: Written): Promise<Fate> {
  if (word === 'unfit') {
    await context.quarantine.put(one.pair, otherSide(one.side), 'the server refused the value');
    await context.reached?.('quarantined');
    return { kind: 'quarantined' };
  }
  if (word === 'stale') return { kind: 'again' };
  if (word === 'epoch') return { kind: 'epoch' };
  await context.quarantine.settled(one.pair.work.key);
  if (forgetsTwice(one.pair.states)) return { kind: 'again' };
  return one.write.act === 'agree'
    ? { kind: 'same' }
    : { kind: 'carried', to: one.side, conflict: one.write.journal };
}
