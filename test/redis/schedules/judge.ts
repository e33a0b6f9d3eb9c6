import type { Side } from '../../../domain/plan/plan.ts';
import type { Acceptance } from '../../../domain/protocol/loss-suspicion.ts';
import type { Write } from './app.ts';
import { NOTHING, type Seen } from './seen.ts';

/** All that the test knows of one key at rest. Every state is in V2 form. */
export type KeyHistory = {
  readonly key: string;
  /** Acknowledged writes of both sides. */
  readonly writes: readonly Write[];
  readonly final: Readonly<Record<Side, Seen>>;
  /** Losers in the conflict journal. */
  readonly journal: readonly Seen[];
  /** What servers lost during the schedule. */
  readonly losses?: readonly LostState[];
  /** Sides whose server was killed and came back with every acknowledged write. */
  readonly restarted?: readonly Side[];
  /** V2 served while V1 was not fenced. The syncs answer V1's writes of that time with V2's state and journal them. */
  readonly leftOpen?: boolean;
  /** A time after the last read. A state whose expiry is not later may be gone. */
  readonly nowMs: number;
};

/** A flush or an eviction of one side, and the decision on it. `state` is the lost state of the key; `null` = none. */
export type LostState = {
  readonly state: Seen | null;
  readonly side: Side;
  readonly word: Acceptance;
  readonly fromMs: number;
  readonly untilMs: number;
};

export type Violation = {
  readonly what:
    | 'differs'
    | 'lost'
    | 'resurrected'
    | 'foreign'
    | 'conflict'
    | 'handed again'
    | 'echo'
    | 'stuck';
  readonly key: string;
  readonly detail: string;
};

/**
 * The oracle. Each write replaces the state that it found, so the states of a key form a tree. A state that no later
 * write found is a tip. At rest each tip is on both sides, or has expired, or stands whole in the journal: then the
 * other side replaced it without knowing it. No other state may be there.
 */
export function judge({
  key,
  writes: acknowledged,
  final,
  journal,
  nowMs,
  losses = [],
  restarted = [],
  leftOpen = false,
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
  const open = undecided(writes, losses);
  const kept = new Set([source, ...journal, ...open].map(nameOf));
  for (const { side, id, after } of tips)
    if (!kept.has(nameOf(after)) && !gone(after)) say('lost', `${id} of the ${side}: ${shown(after)}`);
  const wrong = wrongEnd(writes, tips, source, (state) => gone(state) || open.includes(state));
  const answered = leftOpen && isAnswered(writes, source);
  const meant = answered || isRestored(writes, source, losses) || leaving(respelled, source).length > 0;
  if (wrong && !meant) say(wrong, shown(source));
  for (const loser of journal) {
    const times = journal.filter((other) => nameOf(other) === nameOf(loser)).length;
    const often = times > timesLeft(acknowledged, loser);
    const why = often
      ? 'journaled more often than it was written'
      : unexplained({ writes, respelled, tips, losses, restarted, leftOpen }, loser);
    if (why) say('conflict', `${why}: ${shown(loser)}`);
  }
  return violations;
}

type Known = {
  readonly writes: readonly Write[];
  readonly respelled: readonly Write[];
  readonly tips: Tips;
  readonly losses: readonly LostState[];
  readonly restarted: readonly Side[];
  readonly leftOpen: boolean;
};

function nameOf({ content, expireAt }: Seen): string {
  return content === '' ? 'absent' : `${expireAt} ${content}`;
}

function shown({ content, expireAt }: Seen): string {
  return content === '' ? 'absent' : `${JSON.stringify(content.slice(0, 400))} until ${expireAt}`;
}

/**
 * The writes whose states no write found. Two of them may have left the same state: a key moved away, came back, and
 * moved away again.
 */
type Tips = readonly Write[];

function tipsOf(writes: readonly Write[]): Tips {
  const found = new Set(writes.map((write) => nameOf(write.before)));
  return writes.filter(({ after }) => after.content !== '' && !found.has(nameOf(after)));
}

function leaving(writes: readonly Write[], state: Seen): readonly Write[] {
  return writes.filter(({ after }) => nameOf(after) === nameOf(state));
}

/**
 * How many writes left this state. There can be several: an expiry was set and taken off again, or a key moved away and
 * back.
 */
function timesLeft(writes: readonly Write[], state: Seen): number {
  return leaving(writes, state).length;
}

/**
 * The lost states that may be gone or may still be there. An accepted absence travels only where the ledger still says
 * that both sides agreed on the state, and a flush may have taken the ledger too. A restore does not overwrite what an
 * app of that side has written since.
 */
function undecided(writes: readonly Write[], losses: readonly LostState[]): readonly Seen[] {
  const decided = ({ word, side, ...loss }: LostState) =>
    word === 'restore' && !writes.some((write) => write.side === side && isDuring(write, loss));
  const taken = losses.flatMap((loss) => (loss.state && !decided(loss) ? [nameOf(loss.state)] : []));
  return writes.map(({ after }) => after).filter((state) => taken.includes(nameOf(state)));
}

/** Whether only V1 has replaced this state. While V2 serves, the syncs write such a state back. */
function isAnswered(writes: readonly Write[], end: Seen): boolean {
  const replaced = writes.filter(({ before }) => nameOf(before) === nameOf(end));
  return replaced.length > 0 && replaced.every(({ side }) => side === 'source');
}

/** Whether `restore` took back a delete. On a suspect side a delete by an app looks like a lost key. */
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
 * Why a loser in the journal is not explained; `null` = it is explained. Each of these explains it:
 * - It is a tip, and the other side has a write or another spelling that its writer did not know of.
 * - It is itself only another spelling.
 * - A server lost it, or it was written before a loss was decided on. Then it lost against an absence.
 * - A write of V1 left it while V2 served and V1 was not fenced.
 * - More than one write left it, or a write after a restart of the server replaced it (`isInDoubt`).
 */
function unexplained(
  { writes, respelled, tips, losses, restarted, leftOpen }: Known,
  state: Seen,
): string | null {
  if (leftOpen && leaving(tips, state).some(({ side }) => side === 'source')) return null;
  if (isLost(leaving(writes, state), state, losses) || leaving(respelled, state).length > 0) return null;
  const losers = leaving(tips, state);
  if (losers.length === 0) {
    const left = timesLeft(writes, state);
    if (left > 1 || (left === 1 && isInDoubt(writes, state, restarted))) return null;
    return left === 1 ? 'a state that was replaced since' : 'a state that nobody wrote';
  }
  const explained = losers.some(
    (loser) => hasBeside(writes, loser) || respelled.some(({ side }) => side !== loser.side),
  );
  return explained ? null : 'nothing happened beside it on the other side';
}

/**
 * Whether a write replaced this state on a side whose server was restarted. A sync cannot tell such a write from an
 * older state that the server came back with. So it journals the state that it overwrites.
 */
export function isInDoubt(writes: readonly Write[], state: Seen, restarted: readonly Side[]): boolean {
  return writes.some(({ before, side }) => nameOf(before) === nameOf(state) && restarted.includes(side));
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

/** The write and the writes that led to the state that it found, as long as only one write can have left each state. */
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
