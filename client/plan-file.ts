import { readFile } from 'node:fs/promises';
import { checkPlan } from '../domain/plan-file/plan-check.ts';
import { type PlanPath, type PlanProblem, showPath } from '../domain/plan-file/plan-problem.ts';
import type { Plan } from '../domain/plan/plan.ts';
import { isMap, isNode, isPair, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';

/** All problems of a plan file, one line each: `file:line:column field: expected …, found …`. */
export class PlanProblems extends Error {
  override readonly name = 'PlanProblems';
  readonly lines: readonly string[];
  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/**
 * Reads a plan file, fills in the defaults and the environment, and checks it.
 *
 * @param shownAs the name of the file in error messages
 * @throws PlanProblems
 */
export async function loadPlan(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  shownAs = file,
): Promise<Plan> {
  return parsePlan(await textOf(file, shownAs), environment, shownAs);
}

/**
 * The same for the text of a plan file.
 *
 * @throws PlanProblems
 */
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

/** Line and column, counted from 1. */
type Place = { readonly line: number; readonly column: number };

type PlanDocument = {
  readonly tree: unknown;
  readonly syntaxErrors: readonly { readonly place: Place; readonly message: string }[];
  /** @returns the place of a field; for a missing field the place of the object that lacks it */
  placeOf(path: PlanPath, atKey: boolean): Place;
};

/** Parses YAML text and remembers where each value stands, so that a problem can be shown with line and column. */
function readPlanDocument(text: string): PlanDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntaxErrors = document.errors.map((error) => ({
    place: placeAt(error.pos[0]),
    message: error.message,
  }));
  return {
    tree: syntaxErrors.length > 0 ? undefined : document.toJS(),
    syntaxErrors,
    placeOf: (path, atKey) => placeAt(offsetOf(document.contents, path, atKey)),
  };
}

function offsetOf(root: Node | null, path: PlanPath, atKey: boolean): number {
  let offset = startOf(root) ?? 0;
  let node: unknown = root;
  for (const [depth, part] of path.entries()) {
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && item.key.value === part)
      : undefined;
    if (pair && atKey && depth === path.length - 1) return startOf(pair.key) ?? offset;
    node = pair ? pair.value : child(node, part);
    offset = startOf(node) ?? keyOf(pair) ?? offset;
  }
  return offset;
}

function child(node: unknown, part: string | number): unknown {
  return typeof part === 'number' && isNode(node) && 'items' in node ? node.items[part] : undefined;
}

function keyOf(pair: Pair | undefined): number | undefined {
  return isPair(pair) ? startOf(pair.key) : undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
