import { setHandler } from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { inputProblem, readAbort } from '../domain/message-input.ts';
import { readBounds } from '../domain/bounds-input.ts';
import { type Message, refusal } from '../domain/legal-now.ts';
import { progressOf } from '../domain/progress-of.ts';
import type { Progress } from '../domain/progress.ts';
import { throttleOf } from '../domain/throttle.ts';
import {
  abortSignal,
  approveUpdate,
  completeUpdate,
  configureUpdate,
  extendWindowUpdate,
  pauseUpdate,
  progressQuery,
  rollbackUpdate,
} from './messages.ts';
import { answerResume } from './resuming.ts';
import type { Run } from './run.ts';

/** Lets a run be asked and told things. Handlers change the state at once and never wait; the story reacts. */
export function answerMessages(run: Run): void {
  setHandler(progressQuery, () => progressOf(run.state, Date.now()), {
    description: 'Where the migration stands, by its last look at the stores',
  });
  setHandler(abortSignal, (input) => run.turnBack(readAbort(input)), {
    description: 'V1 serves again, nothing is lost; takes {reason, by} or a plain text',
  });
  const decide = deciderOf(run);
  decide(approveUpdate, ['gate', 'by', 'reason'], ({ gate, by, reason }) => run.approve(gate, by, reason));
  decide(pauseUpdate, ['by', 'reason'], ({ by, reason }) => run.note({ paused: { by, reason } }));
  answerResume(run);
  decide(configureUpdate, ['by', 'bounds'], (input) => configure(run, input));
  decide(extendWindowUpdate, ['days', 'by'], ({ days }) => extend(run, days));
  decide(rollbackUpdate, ['by', 'reason'], ({ by, reason }) => run.turnBack({ by, reason }));
  decide(completeUpdate, ['by', 'reason'], ({ by, reason }) => run.approve('complete', by, reason));
}

/** Updates are checked before they are accepted: a refused one leaves no trace in the history. */
function deciderOf(run: Run) {
  return <I>(
    update: UpdateDefinition<Progress, [I], Message>,
    fields: Parameters<typeof inputProblem>[1],
    act: (input: I) => void,
  ): void => {
    const answer = (input: I): Progress => {
      act(input);
      return progressOf(run.state, Date.now());
    };
    const validator = (input: I): void => {
      const problem = inputProblem(input, fields) ?? refusal(run.state, update.name, gateOf(input));
      if (problem) throw new Error(problem);
    };
    setHandler(update, answer, { validator });
  };
}

function configure(run: Run, input: unknown): void {
  const now = run.state.configured ?? throttleOf(run.plan);
  run.note({ configured: { ...now, ...readBounds(input) } });
}

function extend(run: Run, days: number): void {
  run.note({ windowEndsAtMs: (run.state.windowEndsAtMs ?? Date.now()) + days * run.plan.dayMs });
}

function gateOf(input: unknown): Parameters<typeof refusal>[2] {
  return (input as { readonly gate?: Parameters<typeof refusal>[2] } | null)?.gate;
}
