import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../../redis/preflight/checks.ts';
import { describePreflight } from './page.ts';
import { keyShape } from '../../../redis/preflight/inventory.ts';
import { NEEDED_COMMANDS } from '../../../redis/preflight/checks/rights.ts';

describe('docs/preflight.md', () => {
  const page = readFileSync(new URL('../../../docs/preflight.md', import.meta.url), 'utf8');

  it('lists every check and every command, as the code has them', () => {
    const { checks, commands } = describePreflight();
    expect(page).toContain(checks);
    expect(page).toContain(commands);
  });
});

describe('what jday asks for', () => {
  it('holds no command that could empty a database or list all keys (L6)', () => {
    expect(NEEDED_COMMANDS.filter((command) => /^(flush|keys|swapdb|debug|shutdown)/.test(command))).toEqual(
      [],
    );
  });

  it('names each command and each check once', () => {
    expect(new Set(NEEDED_COMMANDS).size).toBe(NEEDED_COMMANDS.length);
    expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
  });
});

describe('the shape of a key', () => {
  it.each([
    ['user_4711', 'user_…'],
    ['session:alice@example.com', 'session:…'],
    ['alice@example.com', 'text(17)'],
    ['d41d8cd98f00b204e9800998ecf8427e', 'hex(32)'],
    ['4711', 'number'],
    ['\x00\xff', 'binary(2)'],
    ['0612345678:x', 'text(12)'],
  ])('tells nobody apart (L12): %j is %s', (key, shape) => {
    expect(keyShape(key)).toBe(shape);
  });
});
