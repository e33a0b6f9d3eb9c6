import { readFile } from 'node:fs/promises';
import { checkPlan } from '../domain/plan-check.ts';
import { showPath, type PlanProblem } from '../domain/plan-problem.ts';
import type { Plan } from '../domain/plan.ts';
import { type Place, readPlanDocument } from './plan-document.ts';

/** Everything that is wrong with a plan file, a line each: `file:line:column field: expected …, found …`. */
export class PlanProblems extends Error {
  override readonly name = 'PlanProblems';
  readonly lines: readonly string[];
  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/**
 * Reads, fills in and checks a plan file.
 *
 * @param shownAs how errors name the file
 * @throws PlanProblems
 */
export async function loadPlan(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  shownAs = file,
): Promise<Plan> {
  return parsePlan(await textOf(file, shownAs), environment, shownAs);
}

export function parsePlan(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  shownAs: string,
): Plan {
  const document = readPlanDocument(text);
  if (document.syntaxErrors.length > 0) {
    throw new PlanProblems(
      document.syntaxErrors.map(({ place, message }) =>
        lineOf(shownAs, place, `plan: expected YAML, found an error in it: ${message}`),
      ),
    );
  }
  const checked = checkPlan(document.tree, environment);
  if (!isProblems(checked)) return checked;
  const placed = checked.map((problem) => ({
    place: document.placeOf(problem.path, problem.atKey ?? false),
    text: `${showPath(problem.path)}: expected ${problem.expected}, found ${problem.found}`,
  }));
  placed.sort((one, other) => one.place.line - other.place.line || one.place.column - other.place.column);
  throw new PlanProblems(placed.map((problem) => lineOf(shownAs, problem.place, problem.text)));
}

function isProblems(checked: Plan | readonly PlanProblem[]): checked is readonly PlanProblem[] {
  return Array.isArray(checked);
}

function lineOf(file: string, { line, column }: Place, text: string): string {
  return `${file}:${line}:${column} ${text}`;
}

async function textOf(file: string, shownAs: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const found = code === 'ENOENT' ? 'no such file' : `one that cannot be read (${code})`;
    throw new PlanProblems([
      lineOf(shownAs, { line: 1, column: 1 }, `plan: expected a plan file, found ${found}`),
    ]);
  }
}
