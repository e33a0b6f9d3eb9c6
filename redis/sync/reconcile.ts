import { ABSENT, type Digest } from '../../domain/digest.ts';
import { type Closed, forgetsTwice, nextStep, type Step } from '../../domain/protocol.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { type Decision, decide } from '../../domain/three-way.ts';
import { Absences } from './absences.ts';
import { applyWrites, entryOf, type Mandate, type Outcome } from './apply-writes.ts';
import type { Breaker } from './breaker.ts';
import { carry, sameThroughTransform } from './carry.ts';
import type { Work } from './dirty-keys.ts';
import { type Draft, draftAgreement, draftCarry } from './draft.ts';
import { changeSights, type Looking, look, NEVER_SEEN, type Sights } from './look.ts';
import type { Pair } from './pair.ts';
import type { Quarantine } from './quarantine.ts';
import { UNREAD } from './read-reply.ts';
import type { OwnKeys } from './own-keys.ts';
import { ruled } from './ruled.ts';
import type { Reached } from './step.ts';

/** What became of a key after one look. */
export type Fate =
  | { readonly kind: 'same' | 'again' | 'quarantined' | 'epoch' | 'large' }
  /** `until` that side opens; else until somebody decides on absences. */
  | { readonly kind: 'parked'; readonly until?: Side }
  | { readonly kind: 'carried'; readonly to: Side; readonly conflict: boolean };

export type ReconcileContext = Looking & {
  readonly breaker: Breaker;
  readonly quarantine: Quarantine;
  readonly stamp: () => string;
  readonly reached?: Reached | undefined;
  /** Told when the writes are on their way. */
  readonly drafted?: (() => void) | undefined;
  /** Of one moment: a decision taken under one authority must not be written under another epoch (L1). */
  readonly mandate: Mandate & { readonly authority: Side };
  /** The side that must not be written to now: it is paused for a cutover, or the mode is one-way. */
  readonly closed: (side: Side) => Closed | null;
  /** Of keys that only the target has: those an app wrote while the feed ran. Complete up to the moment of the call. */
  readonly bornLive: (sourceKeys: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly own: OwnKeys;
};

/**
 * `scan` reads the source's value at once; `copy` too, and takes the key for one that was never carried; `adopt` takes
 * keys that only the target has for V2's own.
 */
export type Manner = 'change' | 'scan' | 'copy' | 'adopt';

const SIGHTS: Readonly<Record<Manner, (() => Sights) | null>> = {
  change: null,
  adopt: null,
  scan: () => ({ source: 'value', target: 'digest' }),
  copy: () => ({ source: 'value', target: NEVER_SEEN }),
};

const WHOLE = (): Sights => ({ source: 'value', target: 'value' });

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
  const without = (pairs: readonly Pair[], are: (pair: Pair) => boolean, kind: 'large' | 'again') =>
    pairs.filter((pair) => {
      const one = are(pair);
      if (one) fates.set(pair.work, { kind });
      return !one;
    });
  const small = (pairs: readonly Pair[]) => without(pairs, isLarge, 'large');
  let pairs = small(await look(context, works, SIGHTS[manner] ?? ((work) => changeSights(context, work))));
  const foreign = manner === 'adopt' ? await foreignOf(context, pairs) : new Set<Pair>();
  const unread = new Set(pairs.filter((pair) => !foreign.has(pair) && needsMore(pair)));
  if (unread.size > 0) {
    const anew = [...unread].map((pair) => pair.work);
    const read = await look(context, anew, WHOLE);
    const told = without(small(read), (pair) => lacksValue(pair, decideOf(pair)), 'again');
    pairs = [...pairs.filter((pair) => !unread.has(pair)), ...told];
  }
  await context.reached?.('keys read');
  const drafts: Draft[] = [];
  const absences = new Absences(context.breaker);
  for (const pair of pairs) {
    const drafted = foreign.has(pair)
      ? draftAgreement(pair, 'target', context.stamp(), 0)
      : await draft(context, pair, absences);
    if ('kind' in drafted) fates.set(pair.work, drafted);
    else drafts.push(drafted);
  }
  await context.reached?.('drafted');
  const landing = (['source', 'target'] as const).map((side) => apply(context, side, drafts, fates));
  context.drafted?.();
  await Promise.all(landing);
  return works.map((work) => fates.get(work) as Fate);
}

function decideOf(pair: Pair): Decision {
  return decide(pair.agreed, pair.states.source, pair.states.target);
}

/** Too large for one script, or carried by commands alone and about to be: it goes by redis/large. */
function isLarge(pair: Pair): boolean {
  const { source, target } = pair.states;
  if (source.digest === UNREAD || target.digest === UNREAD) return true;
  const decision = decideOf(pair);
  if (decision.do === 'carry') return pair.states[otherSide(decision.to)].value.form === 'large';
  return decision.do === 'contest' && (source.value.form === 'large' || target.value.form === 'large');
}

/**
 * A side that was taken for what is known of it: enough to carry a state there, for the write compares. What the copy
 * takes for new is looked at on both sides when it is gone, or was carried before.
 */
function needsMore(pair: Pair): boolean {
  if (pair.assumed && pair.states[pair.assumed] === NEVER_SEEN) {
    const seen = pair.states[otherSide(pair.assumed)];
    if (seen.digest === ABSENT || seen.entry) return true;
  }
  return lacksValue(pair, decideOf(pair));
}

function lacksValue(pair: Pair, decision: Decision | Extract<Step, { do: 'carry' }>): boolean {
  const unread = (side: Side) =>
    pair.states[side].digest !== ABSENT && pair.states[side].value.form === 'none';
  if (decision.do === 'carry') return unread(otherSide(decision.to));
  return decision.do === 'contest' && (unread('source') || unread('target'));
}

/**
 * V2's own keys: there before we came, as the record says, so they agree as they are and do not travel. A key written
 * since the feed runs is a change like any other, also one that is back in the state it had: it is told apart after
 * the read, when every event up to it has been heard.
 */
export async function foreignOf(
  context: ReconcileContext,
  pairs: readonly Pair[],
): Promise<ReadonlySet<Pair>> {
  const own = pairs.filter(
    ({ agreed, states, work }) =>
      agreed === null &&
      states.source.digest === ABSENT &&
      states.target.digest !== ABSENT &&
      [states.target.digest, UNREAD].some((state) => context.own.holds(work.key, state)),
  );
  if (own.length === 0) return new Set();
  const live = await context.bornLive(own.map((pair) => pair.work.key));
  return new Set(own.filter((pair) => !live.has(pair.work.key)));
}

async function draft(context: ReconcileContext, pair: Pair, absences: Absences): Promise<Draft | Fate> {
  const { source, target } = pair.states;
  const decided = nextStep(pair.states, {
    authority: context.mandate.authority,
    closed: context.closed,
    same: () => sameThroughTransform(pair.dataset, source, target),
  });
  const step = await ruled(context.breaker, pair, decided, absences);
  if (step.do === 'hold') return { kind: 'parked' };
  if (step.do === 'nothing') {
    if (source.digest === ABSENT && target.digest === ABSENT) await context.quarantine.settled(pair.work.key);
    return { kind: 'same' };
  }
  if (step.do === 'forget') return draftAgreement(pair, step.on, context.stamp(), 0);
  if (step.do === 'agree') return agreeOnEqual(context, pair, step.on);
  if (step.do === 'wait')
    return step.closed === 'parked' ? { kind: 'parked', until: step.to } : { kind: 'same' };
  const from = otherSide(step.to);
  if (step !== decided) {
    if (context.closed(step.to)) {
      context.breaker.note(pair.work.key, { side: step.to, digest: pair.states[step.to].digest });
      return { kind: 'parked', until: step.to };
    }
    if (lacksValue(pair, step)) return { kind: 'again' };
  }
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
  const outcomes = await applyWrites(
    context.ports[side],
    context.keyspace,
    context.link,
    context.mandate,
    mine.map((one) => one.write),
  );
  await context.reached?.(`applied ${side}`);
  for (const [i, one] of mine.entries()) {
    const { word, left } = outcomes[i] as Outcome;
    remember(context, one, left);
    if (word === 'done') await context.quarantine.settled(one.pair.work.key);
    if (word === 'unfit') {
      await context.quarantine.put(one.pair, otherSide(one.side), 'the server refused the value');
      await context.reached?.('quarantined');
    }
    fates.set(one.pair.work, fateOf(one, word));
  }
}

function fateOf(one: Draft, word: Outcome['word']): Fate {
  if (word === 'unfit') return { kind: 'quarantined' };
  if (word === 'stale') return { kind: 'again' };
  if (word === 'epoch') return { kind: 'epoch' };
  if (forgetsTwice(one.pair.states)) return { kind: 'again' };
  return one.write.act === 'agree'
    ? { kind: 'same' }
    : { kind: 'carried', to: one.side, conflict: one.write.journal };
}

/** What this attempt knows of both sides after a write landed; nothing, where it did not or where a side is gone. */
function remember({ known }: ReconcileContext, { pair, side, write }: Draft, left: Digest | null): void {
  if (!left || left === ABSENT || write.other === ABSENT) return known.forget(pair.work.key);
  known.agreed(pair, side, left, entryOf(write, side, left), write.act !== 'agree');
}
