import { expect, it } from 'vitest';
import { refusal, refusalOfDecision } from '../../../domain/run/legal-now.ts';
import { progressOf } from '../../../domain/run/progress-of.ts';
import { newRunState, type RunState } from '../../../domain/run/run-state.ts';
import type { Suspect } from '../../../domain/gates/status.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import { exampleSnapshot, SUSPECT } from '../../support/plans/example-snapshot.ts';

const seeing = (suspects: readonly Suspect[], change: Partial<RunState> = {}): RunState => {
  const snapshot = exampleSnapshot({ sync: { suspects }, only: 'v1' });
  const observation = { snapshot, gates: [], goalReached: false, triggered: null, greenForMs: null };
  return { ...newRunState(examplePlan(), 0), observation, ...change };
};

it('L5: progress waits for the decision, and says side, cause, keys and what each decision would do', () => {
  const { waitingFor, suspects } = progressOf(seeing([SUSPECT]), 0);
  expect(waitingFor.what).toBe('resume');
  expect(waitingFor.why).toBe(
    'v1, source: the server was flushed; 20 absences held back: resume --accept absence carries them to the target, ' +
      '--accept restore writes the keys of the target back',
  );
  expect(suspects).toMatchObject([{ link: 'v1', side: 'source', keys: 20, accepted: null }]);
});

it('both sides and all shards of a link are told, each side once', () => {
  const target: Suspect = { ...SUSPECT, side: 'target', stale: true, reason: 'came back', keys: 1 };
  const { waitingFor, suspects } = progressOf(
    seeing([SUSPECT, { ...SUSPECT, since: 2, keys: 5 }, target]),
    0,
  );
  expect(suspects.map(({ side, keys }) => [side, keys])).toEqual([
    ['source', 25],
    ['target', 1],
  ]);
  expect(waitingFor.why).toContain('1 absences and older values held back');
});

it('what is decided is not asked again, and a pause goes first', () => {
  const decided: Suspect = { ...SUSPECT, accepted: 'restore' };
  const waitingFor = { what: 'time', why: 'the day' } as const;
  expect(progressOf(seeing([decided], { waitingFor }), 0).waitingFor).toEqual(waitingFor);
  const paused = { by: 'ann', reason: 'lunch' };
  expect(progressOf(seeing([SUSPECT], { paused }), 0).waitingFor.why).toContain('paused by ann');
});

it('resume without a decision says what is missing; a decision needs a sync that has spoken', () => {
  expect(refusal(seeing([SUSPECT]), 'resume')).toContain('--accept absence or --accept restore');
  expect(refusal(seeing([]), 'resume')).toContain('nothing is paused');
  expect(refusalOfDecision(seeing([]), 'absence')).toBeNull();
  expect(refusalOfDecision(newRunState(examplePlan(), 0), 'absence')).toContain('no sync has spoken yet');
  const over = seeing([], { phase: 'ended', outcome: 'completed' });
  expect(refusalOfDecision(over, 'absence')).toContain('has ended');
});

it('once the sync has ended a store without a claim may stay as it is, and nothing is written back (L5, L15)', () => {
  const asked = seeing([], { syncEnded: true, sealed: true, questions: ['store v1 holds no claim'] });
  expect(refusalOfDecision(asked, 'absence')).toBeNull();
  expect(refusalOfDecision(asked, 'restore')).toMatch(
    /nothing is written back.*--accept absence.*Legal now: resume/,
  );
  const quiet = seeing([], { syncEnded: true });
  expect(refusalOfDecision(quiet, 'absence')).toContain('nothing waits for an answer');
});
