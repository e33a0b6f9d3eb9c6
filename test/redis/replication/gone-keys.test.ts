import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { bucketName } from '../../../redis/state/ledger.ts';
import { goneKeys } from '../../../redis/replication/snapshot/stale-entries.ts';
import { findTool } from '../../../servers/tools.ts';
import { attemptOn } from '../../support/worlds/begin-attempt.ts';
import { withRedis } from '../../support/servers/redis.ts';

/** The most fields that one call may name. */
const MOST = 2_000;

describe.each([
  ['redis', 'redis-server'],
  ['valkey', 'valkey-server'],
] as const)('on %s, a walk over full ledger buckets (L14)', (_engine, tool) => {
  const binary = findTool(tool);
  const [v1, v2] = [withRedis({ binary }), withRedis({ binary })];

  test('sees every entry, by calls that each name a bounded number', async () => {
    const attempt = await attemptOn(v1, v2);
    const keyspace = keyspaceOf(attempt.plan.migration);
    // One bucket is larger than a call may be, and four fill two calls.
    const sizes = [900, 5_000, 900, 0, 900, 900];
    const expected: string[] = [];
    for (const [bucket, size] of sizes.entries()) {
      const keys = Array.from({ length: size }, (_, i) => `match:${bucket}:${i}`);
      const name = keyspace.ledger(attempt.link.name, bucketName(bucket));
      if (size > 0) await v2.client.hset(name, ...keys.flatMap((key) => [key, 'an entry']));
      const there = keys.filter((_, i) => i % 10 > 0);
      if (size > 0) await v2.client.mset(...there.flatMap((key) => [key, 'x']));
      expected.push(...keys.filter((_, i) => i % 10 === 0));
    }
    const named: number[] = [];
    const { run } = attempt.ports.target;
    const counting: typeof run = async (script, ...rest) => {
      const reply = await run(script, ...rest);
      const [, found] = reply as [number, [number, Buffer[]][]];
      if (script === 'fields') named.push(found.reduce((sum, [, fields]) => sum + fields.length, 0));
      return reply;
    };
    const target = { ...attempt.ports.target, run: counting };
    const ports = { ...attempt.ports, target: { ...target, nodes: [target] } };
    let asked = 0;
    const paid = (names: number) => Promise.resolve((asked += names));
    const gone = await goneKeys({ ...attempt, ports }, 'target', [...sizes.keys()], paid);
    expect([...gone].sort()).toEqual(expected.sort());
    expect(Math.max(...named)).toBeLessThanOrEqual(MOST);
    expect(named.length).toBeGreaterThan(1);
    expect(asked).toBeGreaterThanOrEqual(8_600);
    attempt.ledgerSize.walked();
    expect(attempt.ledgerSize.entries).toEqual({ source: 0, target: 8_600 });
  });
});
