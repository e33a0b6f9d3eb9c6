import { ApplicationFailure, CancellationScope, setHandler } from '@temporalio/workflow';
import { refusal, refusalOfDecision } from '../domain/legal-now.ts';
import { inputProblem } from '../domain/message-input.ts';
import { progressOf } from '../domain/progress-of.ts';
import type { Progress } from '../domain/progress.ts';
import { failureOf } from './failure-of.ts';
import { type ResumeInput, resumeUpdate } from './messages.ts';
import { deciding } from './proxies.ts';
import type { Run } from './run.ts';
import { lookNow } from './watching.ts';

/**
 * `resume` ends a pause, or tries again what waits for an operator. With `accept` it is a decision on a suspect side
 * (L5): the answer comes when the syncs have been told, and shows what they made of it.
 */
export function answerResume(run: Run): void {
  const answer = async (input: ResumeInput): Promise<Progress> => {
    if (input.accept) await decide(run, input, input.accept);
    else resume(run);
    return progressOf(run.state, Date.now());
  };
  const validator = (input: ResumeInput): void => {
    const problem =
      inputProblem(input, ['by', 'accept', 'link', 'side']) ??
      (input.accept ? refusalOfDecision(run.state) : refusal(run.state, 'resume'));
    if (problem) throw new Error(problem);
  };
  setHandler(resumeUpdate, answer, { validator });
}

function resume(run: Run): void {
  run.note({ paused: null });
  run.nudge();
}

async function decide(
  run: Run,
  { link, side }: ResumeInput,
  word: NonNullable<ResumeInput['accept']>,
): Promise<void> {
  const { plan } = run;
  try {
    // Shielded: the way back of a cancelled workflow may wait for just this word.
    await CancellationScope.nonCancellable(() =>
      deciding(word).decide({ plan, word, ...(link && { link }), ...(side && { side }) }),
    );
  } catch (error) {
    const { type, message } = failureOf(error);
    throw ApplicationFailure.nonRetryable(message, type);
  }
  run.nudge();
  await CancellationScope.nonCancellable(() => lookNow(run));
}
