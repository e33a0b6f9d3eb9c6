import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forTerminal } from '../../client/terminal.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { jdayProcess, LAUNCHER } from '../support/processes/jday.ts';
import { withTempDir } from '../support/temp-dir.ts';

const dir = withTempDir();
/** What would end a line, turn it, hide it, or speak to the terminal. */
const COMMANDS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** Reads one line of a plan whose texts hold everything that a terminal obeys. */
const HOSTILE = [
  '\u001b]0;owned\u0007',
  '\u001b[2J',
  '\u009b31m',
  '\u202egnissim',
  '\r',
  '\u2028',
  '\u007f',
].join('x');

function planFile(reason: string): string {
  const file = join(dir.path, 'hostile.yaml');
  const store = (name: string, side: string) =>
    `  - { name: ${name}, side: ${side}, url: "redis://${name}", unfenced: ${JSON.stringify(reason)} }\n`;
  writeFileSync(
    file,
    `migration: hostile\nstores:\n${store('v1', 'source')}${store('v2', 'target')}datasets:\n  - { name: d, from: v1, patterns: ['d:*'], role: cache }\n`,
  );
  return file;
}

describe('what a terminal gets', () => {
  it('is a line without commands, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => {
        expect(forTerminal(any)).not.toMatch(COMMANDS);
        expect(forTerminal(any)).not.toContain('\n');
        expect(forTerminal(JSON.stringify({ any }))).not.toMatch(COMMANDS);
        expect(JSON.parse(forTerminal(JSON.stringify({ any })))).toEqual({ any });
      }),
    );
  });

  it('keeps words, accents, signs and tabs as they are', () => {
    const line = 'J-3 sync · authority V1 · 🟢 été\t日本 ✓';
    expect(forTerminal(line)).toBe(line);
  });

  it('with --json is the same data, and no command', async () => {
    const { code, stdout } = await jdayProcess(['plan', '--plan', planFile(HOSTILE), '--json']);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(COMMANDS);
    expect((JSON.parse(stdout) as Plan).stores[0]?.unfenced).toBe(HOSTILE);
  });

  it('in an error names the text, and no command', async () => {
    const file = planFile('x');
    const { code, stderr } = await jdayProcess(['plan', '--plan', file, '--day', HOSTILE]);
    expect(code).toBe(2);
    expect(stderr).toContain('\\u001b]0;owned\\u0007');
    expect(stderr).not.toMatch(COMMANDS);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('in a trace for a developer is no command either', async () => {
    const env = { JDAY_DEBUG: '1', TEMPORAL_ADDRESS: `127.0.0.1:1${HOSTILE}` };
    const { code, stderr } = await jdayProcess(['progress'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\s+at /m);
    expect(stderr).not.toMatch(COMMANDS);
  });
});

describe('a reader who has seen enough', () => {
  it.each([
    ['stdout', ['--help'], 141],
    ['stdout', ['plan', '--json'], 141],
    ['stderr', ['plan', '--day', 'soon'], 141],
  ] as const)(
    'of %s of jday %j hears nothing more, and the code is that of a broken pipe',
    async (gone, args, expected) => {
      const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      child[gone].destroy();
      const other = gone === 'stdout' ? child.stderr : child.stdout;
      const [said, [code, signal]] = await Promise.all([text(other), once(child, 'close')]);
      expect([said, code, signal]).toEqual(['', expected, null]);
    },
  );
});
