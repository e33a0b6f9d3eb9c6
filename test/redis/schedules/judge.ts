import type { Side } from '../../../domain/side.ts';
import type { Acceptance } from '../../../domain/suspicion.ts';
import type { Write } from './app.ts';
import { NOTHING, type Seen } from './seen.ts';

/** All that is known of one key when everything has come to rest; every state in V2 form. */
export type KeyHistory = {
  readonly key: string;
  /** Acknowledged writes of both sides. */
  readonly writes: readonly Write[];
  readonly final: Readonly<Record<Side, Seen>>;
  /** Losers in the conflict journal. */
  readonly journal: readonly Seen[];
  /** What servers lost meanwhile. */
  readonly losses?: readonly LostState[];
  /** When the last look was over: what was due to expire by then may be gone. */
  readonly nowMs: number;
};

/** A flush or an eviction of one side, what was decided on it, and the state of the key that it took; `null` = none. */
export type LostState = {
  readonly state: Seen | null;
  readonly side: Side;
  readonly word: Acceptance;
  readonly fromMs: number;
  readonly untilMs: number;
};

export type Violation = {
  readonly what: 'differs' | 'lost' | 'resurrected' | 'foreign' | 'conflict' | 'echo' | 'stuck';
  readonly key: string;
  readonly detail: string;
};

/**
 * The oracle. Each write replaces the state it found, so the states of a key form a tree; a state that nobody found
 * and replaced is a tip. However the two sides were interleaved, at rest every tip is on both sides, or was replaced
 * by the other side while it did not know of it and is whole in the journal, or has expired. And nothing else is there.
 */
export function judge({
  key,
  writes: acknowledged,
  final,
  journal,
  nowMs,
  losses = [],
}: KeyHistory): readonly Violation[] {
  const writes = acknowledged.filter((write) => !write.respelled);
  const respelled = acknowledged.filter((write) => write.respelled);
  const violations: Violation[] = [];
  const say = (what: Violation['what'], detail: string) => violations.push({ what, key, detail });
  const gone = (state: Seen) => state.expireAt !== -1 && state.expireAt <= nowMs;
  const [source, target] = [final.source, final.target].map((state) => (gone(state) ? NOTHING : state)) as [
    Seen,
    Seen,
  ];
  if (nameOf(source) !== nameOf(target)) say('differs', `source ${shown(source)}, target ${shown(target)}`);
  const tips = tipsOf(writes);
  const open = leftOpen(writes, losses);
  const kept = new Set([source, ...journal, ...open].map(nameOf));
  for (const { side, id, after } of tips)
    if (!kept.has(nameOf(after)) && !gone(after)) say('lost', `${id} of the ${side}: ${shown(after)}`);
  const wrong = wrongEnd(writes, tips, source, (state) => gone(state) || open.includes(state));
  const meant = isRestored(writes, source, losses) || leaving(respelled, source).length > 0;
  if (wrong && !meant) say(wrong, shown(source));
  for (const loser of journal) {
    const times = journal.filter((other) => nameOf(other) === nameOf(loser)).length;
    const often = times > timesLeft(acknowledged, loser);
    const why = often
      ? 'journaled more often than it was written'
      : unexplained({ writes, respelled, tips, losses }, loser);
    if (why) say('conflict', `${why}: ${shown(loser)}`);
  }
  return violations;
}

type Known = {
  readonly writes: readonly Write[];
  readonly respelled: readonly Write[];
  readonly tips: Tips;
  readonly losses: readonly LostState[];
};

function nameOf({ content, expireAt }: Seen): string {
  return content === '' ? 'absent' : `${expireAt} ${content}`;
}

function shown({ content, expireAt }: Seen): string {
  return content === '' ? 'absent' : `${JSON.stringify(content.slice(0, 80))} until ${expireAt}`;
}

/** Writes whose states no write found. Two may have left the same one: a key that moved away, came back, and moved again. */
type Tips = readonly Write[];

function tipsOf(writes: readonly Write[]): Tips {
  const found = new Set(writes.map((write) => nameOf(write.before)));
  return writes.filter(({ after }) => after.content !== '' && !found.has(nameOf(after)));
}

function leaving(writes: readonly Write[], state: Seen): readonly Write[] {
  return writes.filter(({ after }) => nameOf(after) === nameOf(state));
}

/** How often a write left this state: more than once when an expiry was set and taken off again, or a key moved away and back. */
function timesLeft(writes: readonly Write[], state: Seen): number {
  return leaving(writes, state).length;
}

/**
 * States that a loss took and that may be gone or not: an absence that was accepted travels where the ledger still
 * says that both sides had agreed on the state, and not where a flush took that too; nor does a restore write over
 * what an app of that side has written since.
 */
function leftOpen(writes: readonly Write[], losses: readonly LostState[]): readonly Seen[] {
  const decided = ({ word, side, ...loss }: LostState) =>
    word === 'restore' && !writes.some((write) => write.side === side && isDuring(write, loss));
  const taken = losses.flatMap((loss) => (loss.state && !decided(loss) ? [nameOf(loss.state)] : []));
  return writes.map(({ after }) => after).filter((state) => taken.includes(nameOf(state)));
}

/** A delete by an app of a suspect side is an absence like the others there: `restore` takes it back too. */
function isRestored(writes: readonly Write[], end: Seen, losses: readonly LostState[]): boolean {
  return writes.some(
    (write) =>
      write.after.content === '' &&
      nameOf(write.before) === nameOf(end) &&
      losses.some((loss) => loss.word === 'restore' && loss.side === write.side && isDuring(write, loss)),
  );
}

function isDuring({ ackedMs }: Write, { fromMs, untilMs }: Pick<LostState, 'fromMs' | 'untilMs'>): boolean {
  return fromMs <= ackedMs && ackedMs <= untilMs;
}

function wrongEnd(
  writes: readonly Write[],
  tips: Tips,
  end: Seen,
  gone: (state: Seen) => boolean,
): Violation['what'] | null {
  if (end.content === '') {
    const removed = writes.some(({ after }) => after.content === '' || gone(after));
    return writes.length === 0 || removed ? null : 'foreign';
  }
  const left = timesLeft(writes, end);
  if (left === 0) return 'foreign';
  return leaving(tips, end).length > 0 || left > 1 ? null : 'resurrected';
}

/**
 * A loser is a tip, and the other side has a write that the loser's writer did not know of, be it another spelling of
 * what it found; or it is such a spelling; or a server lost it on one side, or it was written while a loss was not
 * decided on: then the absence is what the other side has.
 */
function unexplained({ writes, respelled, tips, losses }: Known, state: Seen): string | null {
  if (isLost(leaving(writes, state), state, losses) || leaving(respelled, state).length > 0) return null;
  const losers = leaving(tips, state);
  if (losers.length === 0) {
    const left = timesLeft(writes, state);
    if (left > 1) return null;
    return left === 1 ? 'a state that was replaced since' : 'a state that nobody wrote';
  }
  const explained = losers.some(
    (loser) => hasBeside(writes, loser) || respelled.some(({ side }) => side !== loser.side),
  );
  return explained ? null : 'nothing happened beside it on the other side';
}

function isLost(left: readonly Write[], state: Seen, losses: readonly LostState[]): boolean {
  return losses.some(
    (loss) => loss.state && (nameOf(loss.state) === nameOf(state) || left.some((one) => isDuring(one, loss))),
  );
}

function hasBeside(writes: readonly Write[], loser: Write): boolean {
  const behind = behindOf(writes, loser);
  return writes.some((write) => write.side !== loser.side && !behind.has(write));
}

/** The write and all that led to the state it found, as far as one write alone can have left each. */
function behindOf(writes: readonly Write[], last: Write): ReadonlySet<Write> {
  const behind = new Set<Write>([last]);
  for (const write of behind) {
    const { before, side } = write;
    const mine = writes.filter((one) => one.side === side);
    const led =
      before.content === ''
        ? mine
            .slice(0, mine.indexOf(write))
            .slice(-1)
            .filter(({ after }) => after.content === '')
        : writes.filter(({ after }) => nameOf(after) === nameOf(before));
    if (led.length === 1) behind.add(led[0] as Write);
  }
  return behind;
}
