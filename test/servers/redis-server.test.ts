import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { connectTo, withRedis } from '../support/servers/redis.ts';
import { withTempDir } from '../support/temp-dir.ts';

const tmp = withTempDir();
const started: RedisServer[] = [];
afterEach(() => Promise.all(started.splice(0).map((server) => server.stop())));

async function start(name: string, options: Omit<Parameters<typeof startRedis>[0], 'dir'> = {}) {
  const server = await startRedis({ ...options, dir: join(tmp.path, name) });
  started.push(server);
  return server;
}

describe('an embedded Redis server', () => {
  const shared = withRedis();

  it('answers as soon as it is started, on loopback alone, saving nothing', async () => {
    expect(await shared.client.ping()).toBe('PONG');
    expect(await shared.client.config('GET', 'bind')).toEqual(['bind', '127.0.0.1']);
    expect(await shared.client.config('GET', 'save')).toEqual(['save', '']);
  });

  it('knows the users of its ACL lines, and its URL carries their password escaped', async () => {
    const server = await start('acl', { acl: ['user default off', 'user app on >p/w:1 ~* +@all'] });
    expect(server.url({ user: 'app', password: 'p/w:1', db: 2 })).toBe(
      `redis://app:p%2Fw%3A1@127.0.0.1:${server.port}/2`,
    );
    const client = await connectTo(server.port, { username: 'app', password: 'p/w:1' });
    expect(await client.call('ACL', 'WHOAMI')).toBe('app');
    client.disconnect();
  });

  it('keeps passwords out of its command line and from other users of the machine (L12)', async () => {
    const server = await start('secret', { config: { requirepass: 'hush-hush' } });
    if (process.platform === 'linux')
      expect(readFileSync(`/proc/${server.pid}/cmdline`, 'latin1')).not.toContain('hush-hush');
    expect(statSync(join(server.dir, 'redis.conf')).mode & 0o077).toBe(0);
  });

  it('on a port that is taken says so, with the end of its log', async () => {
    await expect(start('clash', { port: shared.server.port })).rejects.toThrow(/Address already in use/);
  });

  it('is ready only when its saved data is loaded', async () => {
    const config = { appendonly: 'yes', appendfsync: 'always' };
    const first = await start('again', { config });
    const writer = await connectTo(first.port);
    await writer.set('kept', 'yes');
    writer.disconnect();
    first.kill('SIGKILL');
    await first.exited;
    const second = await start('again', { config, port: first.port });
    const reader = await connectTo(second.port);
    expect(await reader.get('kept')).toBe('yes');
    reader.disconnect();
  });
});
