import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { withTempDir } from '../../support/temp-dir.ts';
import { storeOf } from './plan.ts';

const dir = withTempDir();
const never = new AbortController().signal;
const diskless = withRedis({
  config: { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' },
  acl: [
    'user default on nopass ~* &* +@all',
    'user ops on >p@ss:word ~* &* +@all',
    'user app on >x ~* +@read',
  ],
});
const fromDisk = withRedis({ config: { 'repl-diskless-sync': 'no' } });

beforeAll(() => fromDisk.client.config('SET', 'requirepass', 'secret'));

describe('an RDB by the replication protocol', () => {
  it('is taken without a disk on the server, private, hashed, and named only when whole', async () => {
    await diskless.client.set('key', 'x'.repeat(3_000_000));
    const file = join(dir.path, 'diskless.rdb');
    const url = diskless.server.url({ user: 'ops', password: 'p@ss:word' });

    const fetched = await fetchRdb(storeOf('v1', url), {}, file, never);

    const content = readFileSync(file);
    expect(content.subarray(0, 5).toString()).toBe('REDIS');
    expect(fetched.bytes).toBe(content.length);
    expect(fetched.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    expect(fetched.runId).toBe(/run_id:(\w+)/.exec(await diskless.client.info('server'))?.[1]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir.path).filter((name) => name.includes('fetching'))).toEqual([]);
  });

  it('is taken from a server that sends it from disk, and from one with a password only', async () => {
    await fromDisk.client.set('key', 'value');
    const file = join(dir.path, 'from-disk.rdb');
    const url = fromDisk.server.url({ password: 'secret' });

    const fetched = await fetchRdb(storeOf('v1', url), {}, file, never);

    expect(readFileSync(file).length).toBe(fetched.bytes);
    expect(readFileSync(file).includes('value')).toBe(true);
  });

  it('fails in one sentence without address or password when the password is wrong', async () => {
    const url = fromDisk.server.url({ password: 'hunter2' });
    const file = join(dir.path, 'refused.rdb');
    await expect(fetchRdb(storeOf('v1', url), {}, file, never)).rejects.toThrow(
      /^store v1: no RDB: wrong user or password$/,
    );
    expect(existsSync(file)).toBe(false);
  });

  it('fails in one sentence when the user may not be a replica', async () => {
    const url = diskless.server.url({ user: 'app', password: 'x' });
    await expect(fetchRdb(storeOf('v1', url), {}, join(dir.path, 'no.rdb'), never)).rejects.toThrow(
      /the user lacks the right/,
    );
  });

  it('leaves nothing behind when the server goes away in the middle', async () => {
    const half = createServer((socket) => {
      socket.on('error', () => {});
      const replies = ['+PONG', '$12\r\nrun_id:abc\r\n\r\n', '+OK', '+OK', `+FULLRESYNC ${'a'.repeat(40)} 7`];
      socket.on('data', () => {
        const reply = replies.shift();
        if (reply !== undefined) socket.write(`${reply}\r\n`);
        if (replies.length === 0) socket.end('\n\n$1000\r\nREDIS0010');
      });
    });
    await new Promise<void>((resolve) => half.listen(0, '127.0.0.1', resolve));
    const address = half.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const file = join(dir.path, 'half.rdb');
    await expect(fetchRdb(storeOf('v1', `redis://127.0.0.1:${port}`), {}, file, never)).rejects.toThrow(
      /closed the connection/,
    );
    expect(readdirSync(dir.path).filter((name) => name.startsWith('half'))).toEqual([]);
    half.close();
  });

  it('stops at once when it is aborted', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const stop = new AbortController();
    silent.on('connection', () => stop.abort(new Error('enough')));
    await expect(
      fetchRdb(storeOf('v1', `redis://127.0.0.1:${port}`), {}, join(dir.path, 'a.rdb'), stop.signal),
    ).rejects.toThrow('enough');
    silent.close();
  });
});
