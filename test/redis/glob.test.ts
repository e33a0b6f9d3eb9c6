import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { globMatcher } from '../../domain/keys/glob.ts';
import { withRedis } from '../support/servers/redis.ts';

const redis = withRedis();

/** Small alphabets, so that random patterns match random keys. Bytes from 128 are here because a C char is signed. */
const keyUnit = fc.constantFrom(...'abc]-^*?[\\', '\x00', '\x7f', '\x80', '\xe9', '\xff');
const patternUnit = fc.constantFrom(...'**?[]^-\\abc', '\x00', '\x80', '\xff');
const brackets = fc
  .string({ unit: fc.constantFrom(...'abc]-^\\', '\x80', '\xff'), maxLength: 5 })
  .map((inside) => `[${inside}]`);
const pattern = fc.array(fc.oneof(patternUnit, brackets), { maxLength: 6 }).map((parts) => parts.join(''));

describe('globMatcher against a real server', () => {
  const keys = [
    '',
    ...new Set(fc.sample(fc.string({ unit: keyUnit, maxLength: 5 }), { numRuns: 1_500, seed: 7 })),
  ].filter((key, index, all) => all.indexOf(key) === index);

  beforeAll(async () => {
    await redis.client.mset(keys.flatMap((key) => [Buffer.from(key, 'latin1'), '1']));
  });

  async function scanned(glob: string): Promise<readonly string[]> {
    const args = ['0', 'MATCH', Buffer.from(glob, 'latin1'), 'COUNT', '1000000'];
    const [cursor, found] = (await redis.client.callBuffer('SCAN', args)) as [Buffer, Buffer[]];
    expect(cursor.toString()).toBe('0');
    return found.map((key) => key.toString('latin1')).sort();
  }

  it('accepts exactly the keys that SCAN MATCH returns, for random patterns and keys', async () => {
    await fc.assert(
      fc.asyncProperty(pattern, async (glob) => {
        expect(keys.filter(globMatcher(glob)).sort()).toEqual(await scanned(glob));
      }),
      { numRuns: 2_000 },
    );
  });
});
