import { execFileSync } from 'node:child_process';
import { posix } from 'node:path';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { processTerminal } from '../../client/terminal.ts';
import { addVerbs } from '../../client/main.ts';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { jday } from '../support/processes/jday.ts';
import { contentOf, jsonOf, repositoryFiles } from '../support/house/repository.ts';

const documents = () => repositoryFiles().filter((path) => path.endsWith('.md'));
const found = (pattern: RegExp) =>
  documents().flatMap((path) =>
    [...contentOf(path).matchAll(pattern)].map((match) => ({ path, word: match[1]! })),
  );

/** The anchor that a heading gets on the usual hosts. */
function anchorOf(heading: string): string {
  const words = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '');
  return words.trim().replaceAll(' ', '-');
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? from : posix.normalize(posix.join(posix.dirname(from), file));
  const exists = repositoryFiles().some(
    (one) => one === path || one.startsWith(`${path.replace(/\/$/, '')}/`),
  );
  if (!exists || anchor === undefined || !path.endsWith('.md')) return exists;
  const headings = [...contentOf(path).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]!));
  return headings.includes(anchor);
}

it('every link of a document leads somewhere', () => {
  const links = found(/\]\((?!https?:|mailto:)([^)\s]+)\)/g);
  expect(links.filter(({ path, word }) => !leadsSomewhere(path, word))).toEqual([]);
});

it('every npm script that a document names exists', () => {
  const { scripts } = jsonOf<{ scripts: Record<string, string> }>('package.json');
  const named = [...found(/\bnpm run (?:--silent )?([a-z][a-z:-]*)/g), ...found(/\bnpm (start|test)\b/g)];
  expect(named.filter(({ word }) => scripts[word] === undefined)).toEqual([]);
});

it('every verb of jday that a document names exists', () => {
  const help = execFileSync(process.execPath, ['client/jday.mjs', '--help'], { encoding: 'utf8' });
  const verbs = [...help.matchAll(/^ {2}([a-z]+)\b/gm)].map((match) => match[1]!);
  expect(verbs).toContain('start');
  expect(found(/\bnpx jday ([a-z]+)/g).filter(({ word }) => !verbs.includes(word))).toEqual([]);
});

/** The words of every jday command line, in blocks and in sentences, without what is meant for the shell. */
const commandLines = () =>
  found(/(?:^|`)npx jday ([^`#>&\n]+)/gm).map(({ path, word }) => ({
    path,
    words: [...word.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''),
  }));

it('every option that a document gives to a verb of jday exists', () => {
  const program = new Command().enablePositionalOptions();
  addVerbs(program, { ...processTerminal(), end: () => {} });
  const unknown = commandLines().filter(({ words: [verb, ...rest] }) => {
    const options = program.commands.find((command) => command.name() === verb)?.options ?? [];
    const known = ['--help', ...options.map(({ long }) => long)];
    return verb !== 'VERB' && rest.some((word) => word.startsWith('--') && !known.includes(word));
  });
  expect(unknown).toEqual([]);
});

it('every command line of jday that needs no server is run and ends with 0', async () => {
  const lines = commandLines().filter(({ words: [verb] }) => verb === 'plan');
  const commands = new Set(['--help', ...lines.map(({ words }) => words.join(' '))]);
  expect(commands).toContain('plan --plan plans/supersmartmatch.yaml --json');
  for (const command of commands)
    expect([command, (await jday(command.split(' '))).code]).toEqual([command, 0]);
});

it('docs/by-hand.md names every kind of key of ours', () => {
  const keyspace = keyspaceOf('m');
  const ofUser: readonly string[] = ['prefix', 'migration', 'probeUser'];
  const kinds = Object.entries(keyspace)
    .filter(([name]) => !ofUser.includes(name))
    .map(([, spell]) => (spell as (...parts: readonly string[]) => string)('x', 'y', 'z').split(':')[2]);
  expect(kinds.length).toBeGreaterThan(25);
  const [section = ''] = contentOf('docs/by-hand.md').split('## What is ours')[1]?.split('\n## ') ?? [];
  const named = new Set(section.match(/[a-z-]+/g));
  expect(kinds.filter((kind) => !named.has(kind ?? ''))).toEqual([]);
});
