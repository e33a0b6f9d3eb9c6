/** What documents say of things that have names in the code: laws, gates, alerts, checks, phases, codes, options, updates. */
import { expect, it } from 'vitest';
import { EXIT } from '../../client/exit.ts';
import { judge } from '../../domain/judge.ts';
import { inputProblem } from '../../domain/message-input.ts';
import { PHASES } from '../../domain/phase.ts';
import { CHECKS } from '../../redis/preflight/checks.ts';
import { NEEDED_COMMANDS } from '../../redis/preflight/needed-commands.ts';
import { USAGE } from '../../rehearsal/options.ts';
import * as messages from '../../workflows/messages.ts';
import { examplePlan } from '../support/example-plan.ts';
import { exampleSnapshot } from '../support/example-snapshot.ts';
import { alertRules } from '../support/prometheus-rules.ts';
import { contentOf, repositoryFiles } from '../support/repository.ts';
import { titlesOf } from '../support/titles.ts';

const documents = () => repositoryFiles().filter((path) => path.endsWith('.md'));
const laws = () => contentOf('ARCHITECTURE.md').match(/^\| \*\*L\d+\*\* .*$/gm) ?? [];
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

/** Names behind a word, such as gate `lag`, in every document. */
const named = (word: string) =>
  documents().flatMap((path) => all(contentOf(path), new RegExp(`\\b${word} \`([^\`]+)\``, 'g')));

it('the table of laws holds each law once, in order', () => {
  expect(laws().map((row) => /L\d+/.exec(row)?.[0])).toEqual(
    Array.from({ length: 14 }, (_, at) => `L${at + 1}`),
  );
});

it.each(Array.from({ length: 14 }, (_, at) => [`L${at + 1}`, at]))(
  '%s names files that exist and tests that bear these titles',
  (_law, at) => {
    const [, upheld = '', proven = ''] = laws()[at]!.split(' | ');
    const exists = (path: string) => repositoryFiles().includes(path);
    expect(all(upheld, /`([^`]+)`/g).filter((path) => !exists(path))).toEqual([]);
    const proofs = [...proven.matchAll(/`(test\/[^`]+)`((?: “[^”]+”)+)/g)];
    expect(proofs.length).toBeGreaterThan(0);
    for (const [, path = '', titles = ''] of proofs)
      expect(titlesOf(path)).toEqual(expect.arrayContaining(all(titles, /“([^”]+)”/g)));
  },
);

it('every gate, alert, check and phase that a document names exists', () => {
  const gates = judge(exampleSnapshot(0), examplePlan(), 'source', 0).map(({ name }) => name);
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
  for (const [, , input = ''] of sent) {
    const given = JSON.parse(input) as object;
    expect(inputProblem(given, Object.keys(given) as Parameters<typeof inputProblem>[1])).toBeNull();
  }
});
