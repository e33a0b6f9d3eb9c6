import { expect, test } from 'vitest';
import { selfTimes } from '../../bench/profile.ts';

const node = (id: number, functionName: string, url = '') => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
});

test('self times are summed by function, most first, and idleness is no share', () => {
  const rows = selfTimes({
    nodes: [
      node(1, '(idle)'),
      node(2, 'apply', 'file:///redis/sync/apply.ts'),
      node(3, 'read'),
      node(4, 'read'),
    ],
    samples: [1, 2, 3, 4, 1],
    timeDeltas: [90_000, 6_000, 1_000, 1_000, 2_000],
  });
  expect(rows).toEqual([
    { where: 'apply sync/apply.ts:10', ms: 6, share: 0.75 },
    { where: 'read', ms: 2, share: 0.25 },
  ]);
});
