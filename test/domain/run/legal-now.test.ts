import { expect, test } from 'vitest';
import {
  legalNow,
  type Message,
  refusal,
  refusalByMeasure,
  refusalOfWaiver,
} from '../../../domain/run/legal-now.ts';
import { inputProblem, readAbort } from '../../../domain/run/message-input.ts';
import { newRunState, type RunState } from '../../../domain/run/run-state.ts';
import type { Gate } from '../../../domain/gates/gate.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';
import { exampleSnapshot } from '../../support/plans/example-snapshot.ts';

const asked = { what: 'approval', gate: 'cutover', why: 'asked' } as const;
const questions = ['nobody can know which side serves'];
const wish = { by: 'ann', reason: 'enough' };

function state(change: Partial<RunState>): RunState {
  return { ...newRunState(examplePlan(), 0), ...change };
}

const completing = [{ gate: 'complete', by: 'ann', reason: 'fine', atMs: 1 }] as const;

const NO_IMPACT = { name: 'impact', value: null, limit: 5, verdict: 'unknown', reason: 'noise' } as const;
const seen = (gate: Gate): RunState['observation'] => ({
  snapshot: exampleSnapshot(),
  gates: [gate],
  greenForMs: null,
  goalReached: false,
  triggered: null,
});
const unmeasured = seen({ ...NO_IMPACT, waivable: true });

const LEGAL: readonly [string, Partial<RunState>, readonly Message[]][] = [
  ['at work', {}, ['pause', 'configure', 'abort']],
  ['waiting for an approval', { waitingFor: asked }, ['approve', 'pause', 'configure', 'abort']],
  [
    'held by a gate that nobody can measure',
    { observation: unmeasured },
    ['waive', 'pause', 'configure', 'abort'],
  ],
  ['paused', { paused: wish }, ['resume', 'configure', 'abort']],
  ['waiting for an operator', { questions }, ['pause', 'resume', 'configure', 'abort']],
  [
    'waiting for an operator and an approval',
    { questions, waitingFor: asked },
    ['approve', 'pause', 'resume', 'configure', 'abort'],
  ],
  [
    'after the flip',
    { authority: 'target' },
    ['pause', 'configure', 'extendWindow', 'complete', 'rollback', 'abort'],
  ],
  [
    'after the flip, completion approved',
    { authority: 'target', approvals: completing },
    ['pause', 'configure', 'rollback', 'abort'],
  ],
  ['once the sync has ended', { authority: 'target', sealed: true }, []],
  ['stuck once the sync has ended', { authority: 'target', sealed: true, questions }, ['resume']],
  ['on the way back', { stop: wish }, []],
  ['stuck on the way back', { stop: wish, questions }, ['resume', 'abort']],
  ['at the end', { phase: 'ended', outcome: 'aborted' }, []],
];

test.each(LEGAL)('%s, these messages are legal and no other', (_what, change, legal) => {
  expect(legalNow(state(change))).toEqual(legal);
  for (const message of legal) expect(refusal(state(change), message, 'cutover')).toBeNull();
});

const REFUSED: readonly [Message, Partial<RunState>, string][] = [
  [
    'rollback',
    {},
    'rollback is not possible now: V1 still serves, use abort. Legal now: pause, configure, abort',
  ],
  [
    'pause',
    { phase: 'ended', outcome: 'aborted' },
    'pause is not possible now: the migration has ended (aborted). Nothing can be asked of it any more',
  ],
  [
    'complete',
    { stop: wish },
    'complete is not possible now: the migration is going back (enough). Nothing can be asked of it any more',
  ],
  [
    'rollback',
    { authority: 'target', sealed: true },
    'rollback is not possible now: the migration is being completed and the sync has been stopped. Nothing can be asked of it any more',
  ],
  [
    'extendWindow',
    { authority: 'target', approvals: completing },
    'extendWindow is not possible now: the completion has been approved. Legal now: pause, configure, rollback, abort',
  ],
];

test.each(REFUSED)('%s is refused with the reason and what is legal instead', (message, change, text) => {
  expect(refusal(state(change), message)).toBe(text);
});

test('only a gate that nobody can measure may be waived: neither a red one, nor one whose signal is missing (L7)', () => {
  const now = state({ observation: seen(NO_IMPACT) });
  const waive = (gate: Gate) => refusalByMeasure(now, 'impact', [gate]);
  expect(waive({ ...NO_IMPACT, waivable: true })).toBeNull();
  const only = 'Only a gate without anything to measure by can be. Legal now: pause, configure, abort';
  expect(waive(NO_IMPACT)).toBe(`"impact" cannot be waived: it is unknown (noise). ${only}`);
  expect(waive({ ...NO_IMPACT, verdict: 'red', value: 9 })).toBe(
    `"impact" cannot be waived: it is red (noise). ${only}`,
  );
  expect(refusalByMeasure(now, 'sessions', [])).toBe(
    `"sessions" cannot be waived: it is not judged. ${only}`,
  );
});

test('a waiver is refused before any look, and once there is no way forward', () => {
  expect(refusalOfWaiver(state({ observation: seen(NO_IMPACT) }))).toBeNull();
  expect(refusalOfWaiver(state({}))).toBe(
    'waive is not possible now: no look at the stores has been taken yet. Legal now: pause, configure, abort',
  );
  expect(refusalOfWaiver(state({ observation: unmeasured, stop: wish }))).toBe(
    'waive is not possible now: the migration is going back (enough). Nothing can be asked of it any more',
  );
});

test('the input of a waiver is checked field by field', () => {
  const fields = ['waivable', 'by', 'reason'] as const;
  expect(inputProblem({ gate: 'impact', by: 'ann', reason: 'noise' }, fields)).toBeNull();
  expect(inputProblem({ gate: 'integrity', by: 'ann', reason: 'noise' }, fields)).toBe(
    'gate: expected one of impact, sessions, cacheHits',
  );
  expect(inputProblem({ gate: 'impact', by: 'ann' }, fields)).toBe(
    'reason: expected a text of 1 to 500 characters',
  );
});

test('the input of an update is checked field by field', () => {
  const fields = ['gate', 'by', 'reason'] as const;
  expect(inputProblem({ gate: 'cutover', by: 'ann', reason: 'fine' }, fields)).toBeNull();
  expect(inputProblem({ gate: 'lunch', by: 'ann', reason: 'fine' }, fields)).toBe(
    'gate: expected one of readiness, cutover, complete',
  );
  expect(inputProblem({ gate: 'cutover', by: ' ', reason: 'fine' }, fields)).toMatch(/^by: expected a text/);
  expect(inputProblem({ gate: 'cutover', by: 'ann', reason: 'x'.repeat(501) }, fields)).toMatch(
    /^reason: expected a text/,
  );
  for (const days of [0, -1, 366, Number.NaN, '3']) {
    expect(inputProblem({ days, by: 'ann' }, ['days', 'by'])).toMatch(/^days: expected a number above 0/);
  }
  for (const input of [undefined, null, 'cutover', [], 3])
    expect(inputProblem(input, fields)).toMatch(/expected an object/);
});

test('an abort is understood in every form, and never refused', () => {
  expect(readAbort({ reason: 'enough', by: 'ann' })).toEqual({ reason: 'enough', by: 'ann' });
  expect(readAbort('enough')).toEqual({ reason: 'enough', by: 'operator' });
  for (const input of [undefined, null, 3, [], {}, '', { reason: 3 }]) {
    expect(readAbort(input)).toEqual({ reason: 'no reason given', by: 'operator' });
  }
});

test('bounds are checked by the rules of the plan, and at least one is asked for', () => {
  const problem = (bounds: object) => inputProblem({ by: 'ann', ...bounds }, ['by', 'bounds']);
  expect(problem({ copyKeysPerSecond: 0, batchMs: 0.5 })).toBeNull();
  expect(problem({})).toBe(
    'expected at least one of copyKeysPerSecond, copyBytesPerSecond, verifyKeysPerSecond, verifyBytesPerSecond, batchMs',
  );
  const whole = 'expected a whole number from 0 up (0: no limit)';
  expect(problem({ copyKeysPerSecond: -1 })).toBe(`copyKeysPerSecond: ${whole}`);
  expect(problem({ verifyBytesPerSecond: 1.5 })).toBe(`verifyBytesPerSecond: ${whole}`);
  expect(problem({ verifyKeysPerSecond: '5' })).toBe(`verifyKeysPerSecond: ${whole}`);
  expect(problem({ batchMs: 3 })).toBe('batchMs: expected a number of ms above 0, at most 2');
});
