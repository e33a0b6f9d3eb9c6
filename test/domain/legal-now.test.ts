import { expect, test } from 'vitest';
import { legalNow, type Message, refusal } from '../../domain/legal-now.ts';
import { inputProblem, readAbort } from '../../domain/message-input.ts';
import { beginRun, type RunState } from '../../domain/run-state.ts';
import { examplePlan } from '../support/example-plan.ts';

const asked = { what: 'approval', gate: 'cutover', why: 'asked' } as const;
const questions = ['nobody can know which side serves'];
const wish = { by: 'ann', reason: 'enough' };

function state(change: Partial<RunState>): RunState {
  return { ...beginRun(examplePlan(), 0), ...change };
}

const completing = [{ gate: 'complete', by: 'ann', reason: 'fine', atMs: 1 }] as const;

const LEGAL: readonly [string, Partial<RunState>, readonly Message[]][] = [
  ['at work', {}, ['pause', 'configure', 'abort']],
  ['waiting for an approval', { waitingFor: asked }, ['approve', 'pause', 'configure', 'abort']],
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
