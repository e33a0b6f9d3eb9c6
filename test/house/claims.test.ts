/**
 * Checks what documents say of things that have names in the code: laws, gates, alerts, checks, phases, exit codes,
 * options and updates.
 */
import { expect, it } from 'vitest';
import { EXIT } from '../../client/exit.ts';
import { storesGate } from '../../domain/gates/gate.ts';
import { judge } from '../../domain/gates/judge.ts';
import { inputProblem } from '../../domain/run/message-input.ts';
import { PHASES } from '../../domain/plan/plan.ts';
import { CHECKS } from '../../redis/preflight/checks.ts';
import { NEEDED_COMMANDS } from '../../redis/preflight/checks/rights.ts';
import { USAGE } from '../../rehearsal/options.ts';
import * as messages from '../../workflows/messages.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { exampleSnapshot } from '../support/plans/example-snapshot.ts';
import { alertRules } from '../support/monitoring/prometheus-rules.ts';
import { contentOf, repositoryFiles } from '../support/house/repository.ts';
import { titlesOf } from '../support/house/titles.ts';

const documents = () => repositoryFiles().filter((path) => path.endsWith('.md'));
/** The section of each law, in the order of the page. */
const laws = () =>
  contentOf('docs/laws.md')
    .split(/^## (?=L\d+ · )/m)
    .slice(1);
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

/** The names that follow a word in the documents, such as `lag` in "gate `lag`". */
const named = (word: string) =>
  documents().flatMap((path) => all(contentOf(path), new RegExp(`\\b${word} \`([^\`]+)\``, 'g')));

it('the page of laws holds each law once, in order', () => {
  expect(laws().map((section) => /^L\d+/.exec(section)?.[0])).toEqual(
    Array.from({ length: 15 }, (_, at) => `L${at + 1}`),
  );
});

it.each(Array.from({ length: 15 }, (_, at) => [`L${at + 1}`, at]))(
  '%s names files that exist and tests that bear these titles',
  (_law, at) => {
    const [, upheld = '', proven = ''] = laws()[at]!.split(/^\*\*(?:Upheld|Proven) by\*\*$/m);
    const exists = (path: string) => repositoryFiles().includes(path);
    const files = all(upheld, /`([^`]+)`/g);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((path) => !exists(path))).toEqual([]);
    const proofs = [...proven.matchAll(/^- `(test\/[^`]+)`\n((?: {2}- “[^”]+”\n?)+)/gm)];
    expect(proofs.length).toBeGreaterThan(0);
    for (const [, path = '', titles = ''] of proofs)
      expect(titlesOf(path)).toEqual(expect.arrayContaining(all(titles, /“([^”]+)”/g)));
  },
);

it('every gate, alert, check and phase that a document names exists', () => {
  const snapshot = exampleSnapshot();
  const judged = judge(snapshot, examplePlan(), 'source');
  const gates = [...judged, storesGate(snapshot, { authority: 'source' })].map(({ name }) => name);
  const known = {
    gate: gates,
    alert: alertRules().map(({ alert }) => alert),
    check: ['reachable', ...CHECKS.map(({ name }) => name)],
    phase: PHASES,
  };
  for (const [word, names] of Object.entries(known))
    expect(names).toEqual(expect.arrayContaining(named(word)));
  expect(new Set(named('gate'))).toEqual(new Set(gates));
});

it('the README tells every exit code, and the options of npm start', () => {
  const readme = contentOf('README.md');
  expect(all(readme, /^\| (\d) \|/gm).map(Number)).toEqual(Object.values(EXIT));
  const described = all(readme, /^\| `(--[a-z-]+)/gm);
  expect(described).toEqual(all(USAGE, /^ {2}(--[a-z-]+)/gm));
  for (const value of all(USAGE, /\((\w+)\)$/gm)) expect(readme).toContain(`(${value}) |`);
});

it('docs/start.md gives our own user the needed commands, and no other', () => {
  const [rule = ''] = all(contentOf('docs/start.md'), /ACL SETUSER jday ([^]*?)```/g);
  expect(rule.match(/\+[a-z_|]+/g)).toEqual(NEEDED_COMMANDS.map((command) => `+${command}`));
});

it('every update that a document sends by the Temporal CLI exists, and its input is taken', () => {
  const names = Object.values(messages).flatMap((one) => (one.type === 'update' ? [one.name] : []));
  const sent = documents().flatMap((path) => [
    ...contentOf(path).matchAll(/update execute .*--name (\w+) --input '(.*)'/g),
  ]);
  expect(new Set(sent.map(([, name]) => name))).toEqual(new Set(names));
  for (const [, name, input = ''] of sent) {
    const given = JSON.parse(input) as object;
    const fields = Object.keys(given).map((field) =>
      name === 'waive' && field === 'gate' ? 'waivable' : field,
    );
    expect(inputProblem(given, fields as Parameters<typeof inputProblem>[1])).toBeNull();
  }
});
