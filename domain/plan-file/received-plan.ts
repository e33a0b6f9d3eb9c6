import { z } from 'zod';
import type { Plan } from '../plan/plan.ts';
import { problemsOf } from './issue-problems.ts';
import * as kind from './plan-field.ts';
import { datasetOf, fileSetOf, storeOf } from './plan-of.ts';
import type { PlanPath, PlanProblem } from './plan-problem.ts';
import { contradictionsOf } from './plan-relations.ts';
import {
  approvalsSchema,
  backupSchema,
  datasetSchema,
  fileSetSchema,
  storeSchema,
  throttleSchema,
  waiverSchema,
} from './plan-schema.ts';

/**
 * A plan as a worker receives it: JSON from the history of the workflow, in which the client has filled in every default.
 * The parts that it shares with the plan file have the same schema. Temporal lets anybody start a workflow who may write
 * to its namespace, so this JSON may come from anywhere.
 *
 * A running migration passes this schema again in every activity, also in its undos and under later versions of this
 * code. So no later version may refuse here what an earlier one has accepted. `startProblems` may.
 */
const receivedSchema = z.strictObject(
  {
    migration: kind.name,
    jDay: z.union([z.strictObject({ inDays: kind.dayCount }), z.strictObject({ at: kind.moment })], {
      error: 'inDays: 7, or at: 2026-12-01T06:00:00Z',
    }),
    timeline: z.strictObject(
      { startDay: kind.dayOffset, readinessDay: kind.dayOffset, windowDays: kind.dayCount },
      'a mapping of startDay, readinessDay and windowDays',
    ),
    dayMs: kind.dayMilliseconds,
    mode: kind.oneOf('bidirectional', 'forward'),
    shards: kind.shards.optional(),
    stores: z.array(storeSchema, 'a list of stores'),
    datasets: z.array(datasetSchema, 'a list of datasets'),
    files: z.array(fileSetSchema, 'a list of file sets'),
    gates: z.strictObject(
      {
        lagP99Ms: kind.milliseconds,
        integrityPercent: kind.percent,
        sessionsLost: kind.count,
        cacheHitsKeptPercent: kind.percent,
        impactPercent: kind.percent,
        holdMs: kind.milliseconds,
        fenceBudgetMs: kind.milliseconds,
        cutoverAttempts: kind.countFromOne,
        waive: z.array(waiverSchema, 'a list of gates to waive').optional(),
      },
      'a mapping of gate limits',
    ),
    triggers: z.strictObject(
      {
        integrityPercent: kind.percent,
        sessionsLost: kind.count,
        lagP99Ms: kind.milliseconds,
        lagForMs: kind.milliseconds,
      },
      'a mapping of trigger limits',
    ),
    approvals: approvalsSchema,
    traffic: z.array(
      z.union(
        [
          z.strictObject({ kind: kind.oneOf('webhook'), url: kind.text }),
          z.strictObject({ kind: kind.oneOf('command'), command: kind.words }),
        ],
        { error: 'a webhook with its url, or a command with its words' },
      ),
      'a list of hooks',
    ),
    backup: backupSchema,
    throttle: throttleSchema,
  },
  'a plan, as `npx jday plan --json` prints it',
);

/**
 * Checks the form of a plan that a worker has received.
 *
 * @returns the plan, with the defaults of what its stores, datasets and file sets leave out; or everything that is wrong
 */
export function receivedPlan(json: unknown): Plan | readonly PlanProblem[] {
  const parsed = receivedSchema.safeParse(json);
  if (!parsed.success) return parsed.error.issues.flatMap((issue) => problemsOf(receivedSchema, issue, json));
  const { stores, datasets, files } = parsed.data;
  const read = {
    stores: stores.map(storeOf),
    datasets: datasets.map(datasetOf),
    files: files.map(fileSetOf),
  };
  return { ...(json as Plan), ...read };
}

/**
 * Finds what a migration must not start with: the same contradictions as in a plan file, and limits of zero. The
 * environment is not asked, because a variable that is not set yet may be set later.
 */
export function startProblems(plan: Plan): readonly PlanProblem[] {
  const limits = [
    ...zeros('gates', plan.gates, ['lagP99Ms', 'fenceBudgetMs']),
    ...zeros('triggers', plan.triggers, ['lagP99Ms', 'lagForMs']),
  ];
  const hooks = plan.traffic.flatMap((hook, index) =>
    hook.kind === 'webhook'
      ? unfit(kind.webhook, hook.url, ['traffic', index, 'url'])
      : unfit(kind.command, hook.command, ['traffic', index, 'command']),
  );
  const jDay = 'at' in plan.jDay ? unfit(kind.instant, plan.jDay.at, ['jDay', 'at']) : [];
  return [...contradictionsOf(plan), ...limits, ...hooks, ...jDay];
}

function unfit(schema: z.ZodType, value: unknown, path: PlanPath): readonly PlanProblem[] {
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.map(({ message }) => ({ path, expected: message, found: 'something else' }));
}

function zeros<T extends object>(
  part: string,
  limits: T,
  names: readonly (keyof T & string)[],
): readonly PlanProblem[] {
  const wrong = names.filter((name) => limits[name] === 0);
  return wrong.map((name) => ({ path: [part, name], expected: 'a number of ms above zero', found: '0' }));
}
