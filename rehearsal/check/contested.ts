import type { WriteRecord } from '../apps/record.ts';
import type { History, Step } from './history.ts';

/** Keys that two apps write at the same time: order is known only where one write ended before the other began. */
export function isContested(history: History): boolean {
  const apps = new Set(history.steps.flatMap((step) => (step.record ? [step.record.app] : [])));
  return apps.size > 1;
}

/**
 * The steps that may stand in the end: no later write may have been acknowledged after them, except one of the
 * canary that lost to V1 by the conflict rule. That one is not lost either: it is in the journal.
 */
export function mayStand(
  history: History,
  until: number,
  journaled: (record: WriteRecord) => boolean,
): Step[] {
  const steps = history.steps.filter((step) => step.record === null || step.record.answeredAt <= until);
  return steps.filter((step) => !steps.some((later) => supersedes(later, step, journaled)));
}

function supersedes(later: Step, step: Step, journaled: (record: WriteRecord) => boolean): boolean {
  if (later.record === null || later.record.fate === 'maybe' || later === step) return false;
  if (step.record === null) return true;
  if (later.record.sentAt <= step.record.answeredAt) return false;
  const overruled = step.record.side === 'source' && later.record.app === 'canary';
  return !(overruled && journaled(later.record));
}
