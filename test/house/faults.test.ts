/**
 * Checks docs/faults.md: its steps are those of the engine, its grid is that of the tests, and each test that it names
 * exists.
 */
import { expect, it } from 'vitest';
import { LARGE_FAULT_POINTS, FAULT_POINTS } from '../../redis/replication/reconcile/fault-points.ts';
import { FAULTS, type Mode, POINTS, SWITCH_STEPS } from '../support/faults/fault-points.ts';
import { contentOf } from '../support/house/repository.ts';
import { titlesOf } from '../support/house/titles.ts';

const LETTERS = { copy: 'C', again: 'A', live: 'L', drain: 'D' } as const satisfies Record<Mode, string>;
const MODES = Object.keys(LETTERS) as Mode[];
const BOTH_WAYS = '→ ←';

const page = () => contentOf('docs/faults.md');
const section = (from: string, to: string) => page().split(`# ${from}\n`)[1]!.split(`# ${to}`)[0]!;
const cellsOf = (row: string) =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
/**
 * The tables of a part of the page, each as a list of rows, the head first. As in Markdown, a blank line ends a table.
 */
const tablesOf = (text: string) =>
  (text.match(/(?:^\|.*\n)+/gm) ?? []).map((table) =>
    table
      .trim()
      .split('\n')
      .filter((row) => !/^\|[-|]+\|$/.test(row))
      .map(cellsOf),
  );
const named = (cells: readonly (string | undefined)[]) =>
  cells.flatMap((cell) => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name));
const short = (step: string) => step.replace(/(apply|applied) (source|target)$/, '$1 …');

it('every row of the table of faults names a test that exists', () => {
  const [[head, ...rows] = [], ...more] = tablesOf(section('Fault by fault', 'What it'));
  expect(more).toEqual([]);
  expect(head?.at(-1)).toBe('proven by');
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    const [, path, title] = /`(test\/[^`]+)` “([^”]+)”/.exec(row.at(-1) ?? '') ?? [];
    expect(path === undefined ? row : titlesOf(path)).toContain(title);
  }
});

it('every step of an attempt and of a switch is explained, and no other', () => {
  const [ofAttempt = [], ofSwitch = []] = tablesOf(
    section('The steps at which it is struck', 'Point by point'),
  );
  const first = (rows: readonly (readonly string[])[]) => named(rows.map(([cell]) => cell));
  expect(new Set(first(ofAttempt))).toEqual(new Set([...FAULT_POINTS, ...LARGE_FAULT_POINTS].map(short)));
  expect(first(ofSwitch)).toEqual([...SWITCH_STEPS]);
});

it('every step that an attempt can be at is struck in some mode', () => {
  expect(new Set(MODES.flatMap<string>((mode) => POINTS[mode]))).toEqual(
    new Set([...FAULT_POINTS, ...LARGE_FAULT_POINTS]),
  );
});

it('the grid says what the tests strike: each fault at each step, in each mode', () => {
  const [[head, ...rows] = []] = tablesOf(section('Point by point', 'Fault by fault'));
  expect(head).toEqual(['step', ...FAULTS]);
  const comesTo = (mode: Mode, step: string) => POINTS[mode].some((one) => one === step);
  const struck = [...FAULT_POINTS, ...LARGE_FAULT_POINTS].map((step) => [
    `\`${step}\``,
    ...FAULTS.map(() =>
      MODES.filter((mode) => comesTo(mode, step))
        .map((mode) => LETTERS[mode])
        .join(' '),
    ),
  ]);
  expect(rows.toSorted()).toEqual(struck.toSorted());
});

it('the grid of the switch says what the tests strike', () => {
  const [, [head, ...rows] = []] = tablesOf(section('Point by point', 'Fault by fault'));
  expect(head).toEqual(['step of a switch', ...FAULTS]);
  const cells = FAULTS.map(() => BOTH_WAYS);
  expect(rows).toEqual(SWITCH_STEPS.map((step) => [`\`${step}\``, ...cells]));
});

it('each fault is proven of an attempt, and of a switch', () => {
  const [[, ...rows] = []] = tablesOf(section('Fault by fault', 'What it'));
  const proven = (fault: string, where: RegExp) =>
    rows.some(([what = '', at = '']) => what.includes(fault) && where.test(at));
  const missing = FAULTS.filter((fault) => !proven(fault, /\b[CALD]\b/) || !proven(fault, /→ ←/));
  expect(missing).toEqual([]);
});
