import { describe, expect, test } from 'vitest';
import { reconcile } from '../../../redis/replication/reconcile/reconciler.ts';
import { findTool } from '../../../servers/tools.ts';
import { attemptOn } from '../../support/worlds/begin-attempt.ts';
import { withRedis } from '../../support/servers/redis.ts';

const KEY = 'match:1';
const nobody = () => Promise.resolve(new Set<string>());

describe.each([
  ['redis', 'redis-server'],
  ['valkey', 'valkey-server'],
] as const)('on %s, under a pause', (_engine, tool) => {
  const binary = findTool(tool);
  const [v1, v2] = [withRedis({ binary }), withRedis({ binary })];

  test('no entry is forgotten on the paused side: the write would wait, and all others behind it (L2)', async () => {
    const attempt = await attemptOn(v1, v2);
    const both = { key: KEY, since: { source: 0, target: 0 } };
    await v1.client.set(KEY, 'value');
    await reconcile(attempt, nobody, [both], 'change');
    await Promise.all([v1.client.del(KEY), v2.client.del(KEY)]);
    const paused = { ...attempt, control: { ...attempt.control, paused: 'target' } as const };
    await v2.client.call('CLIENT', 'PAUSE', '600000', 'WRITE');
    try {
      expect(await reconcile(paused, nobody, [both], 'change')).toEqual([
        { kind: 'parked', until: 'target' },
      ]);
    } finally {
      await v2.client.call('CLIENT', 'UNPAUSE');
    }
    expect(await reconcile(attempt, nobody, [both], 'change')).toEqual([{ kind: 'same' }]);
  });
});
