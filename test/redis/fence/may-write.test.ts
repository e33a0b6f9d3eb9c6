import { describe, expect, test } from 'vitest';
import { deniedOn } from '../../../redis/fence/denied-commands.ts';
import { maySome } from '../../../redis/fence/may-write.ts';
import { findTool } from '../../../servers/tools.ts';
import { withRedis } from '../../support/servers/redis.ts';

/** Commands without a key, commands whose keys are not known before they run, and a command that counts as a read. */
const NOT_ASKED = /^(pfcount|flushall|flushdb|swapdb|function\|.*|cluster\|.*|debug|select)$/;

describe.each(['redis-server', 'valkey-server'] as const)('who may change a key (%s)', (engine) => {
  const redis = withRedis({ binary: findTool(engine) });
  const user = async (...rule: string[]) => {
    await redis.client.call('ACL', ['SETUSER', 'one', 'reset', 'on', 'nopass', '-@all', ...rule]);
    return 'one';
  };

  test('is told by each single command that can change one, and for the keys of the user alone (L1, L7)', async () => {
    const { commands } = await deniedOn(redis.client);
    expect(commands.length).toBeGreaterThan(100);
    const missed: string[] = [];
    const invented: string[] = [];
    for (const { name } of commands) {
      const one = await user('~match:*', `+${name}`);
      if (!(await maySome(redis.client, one, 'match:1', 'any'))) missed.push(name);
      if (await maySome(redis.client, one, 'jday:authority', 'any')) invented.push(name);
    }
    expect(missed.filter((name) => !NOT_ASKED.test(name))).toEqual([]);
    expect(invented).toEqual([]);
  });

  test('is nobody who may only read, or write another key', async () => {
    const may = async (by: 'any' | 'write right', ...rule: string[]) =>
      maySome(redis.client, await user(...rule), 'match:1', by);
    expect(await may('any', '~match:*', '+@read')).toBe(false);
    expect(await may('any', '~other:*', '+@all')).toBe(false);
    expect(await may('write right', '%R~match:*', '+@all')).toBe(false);
    // XREADGROUP needs only the right to read the key. But it changes the group, and a group is data too.
    expect(await may('any', '%R~match:*', '+xreadgroup')).toBe(true);
  });
});
