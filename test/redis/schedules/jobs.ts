import type { Side } from '../../../domain/plan/plan.ts';
import type { Write } from './app.ts';
import { isInDoubt, type Violation } from './judge.ts';
import { pendingIn, type Seen } from './seen.ts';

/** All that the test knows of a stream. Only one side at a time works on its groups. */
export type JobHistory = {
  readonly key: string;
  /** Acknowledged acts of both sides, in the order in which they were done. */
  readonly writes: readonly Write[];
  readonly final: readonly Seen[];
  /** Losers in the conflict journal. */
  readonly journal: readonly Seen[];
  /**
   * The authority moved without a drain, or a server lost keys. Only then may both sides have worked at the same time.
   */
  readonly beside: boolean;
  /** Sides whose server was killed and came back with every acknowledged write. */
  readonly restarted?: readonly Side[];
};

/**
 * The oracle of the work on streams. A message that a consumer has acknowledged must not be pending again: not in a
 * state that a later act finds or leaves, and not at rest. There must be no conflict. If both sides may have worked at
 * the same time, an acknowledgement may lose. Then it must stand whole in the journal.
 */
export function judgeJobs({
  key,
  writes,
  final,
  journal,
  beside,
  restarted = [],
}: JobHistory): readonly Violation[] {
  const acknowledged = new Map<string, Write>();
  const again = new Map<string, string>();
  const look = (state: Seen, where: string) => {
    for (const message of pendingIn(state)) if (acknowledged.has(message)) again.set(message, where);
  };
  for (const write of writes) {
    look(write.before, `found by ${write.id}`);
    look(write.after, `left by ${write.id}`);
    const left = pendingIn(write.after);
    for (const message of pendingIn(write.before)) if (!left.has(message)) acknowledged.set(message, write);
  }
  for (const state of final) look(state, 'at rest');
  const kept = beside ? [...final, ...journal] : [];
  const handed = [...again].filter(([message]) => !kept.some((state) => isDone(state, message)));
  const contested = beside ? [] : journal.filter((state) => !isInDoubt(writes, state, restarted));
  return [
    ...handed.map(([message, where]): Violation => {
      const detail = `${message}, acknowledged by ${acknowledged.get(message)?.id}: pending ${where}`;
      return { what: 'handed again', key, detail };
    }),
    ...contested.map((): Violation => ({ what: 'conflict', key, detail: 'one side at a time worked on it' })),
  ];
}

/** Whether the state holds the message, delivered to the group and not pending any more. */
function isDone(state: Seen, message: string): boolean {
  const [group = '', id = ''] = message.split(' ');
  const delivered = state.content.match(new RegExp(`\u0001group ${group} (\\S+) `))?.[1];
  if (delivered === undefined || byId(delivered, id) < 0) return false;
  return state.content.includes(`(${id} (`) && !pendingIn(state).has(message);
}

function byId(one: string, other: string): number {
  const [[ms = 0, seq = 0], [otherMs = 0, otherSeq = 0]] = [one, other].map((id) =>
    id.split('-').map(Number),
  ) as [number[], number[]];
  return ms - otherMs || seq - otherSeq;
}
