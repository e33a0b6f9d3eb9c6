import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { foundEngines, misnamedEngines } from '../../servers/found-engines.ts';
import { lookUp } from '../../servers/tool-places.mjs';
import { ToolMissing } from '../../servers/tools.ts';
import { jsonOf } from '../support/house/repository.ts';
import { withTempDir } from '../support/temp-dir.ts';

const tmp = withTempDir();
const pinned = jsonOf<Record<string, { version: string }>>('servers/pinned.json');

function program(...path: string[]): string {
  const file = join(tmp.path, ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

it('a server is looked for where its variable says, then on PATH, then in our cache', () => {
  const named = program('named', 'any-name');
  const onPath = program('bin', 'temporal');
  const cached = program('cache', `temporal-${pinned['temporal']?.version}`, 'temporal');
  const places = { JDAY_CACHE: join(tmp.path, 'cache'), PATH: dirname(onPath), TEMPORAL_CLI_PATH: named };
  expect(lookUp('temporal', places)).toBe(named);
  expect(lookUp('temporal', { ...places, TEMPORAL_CLI_PATH: '' })).toBe(onPath);
  expect(lookUp('temporal', { JDAY_CACHE: places.JDAY_CACHE })).toBe(cached);
  expect(lookUp('temporal', { JDAY_CACHE: tmp.path })).toBeUndefined();
});

it('a variable that names no program is not passed over in silence', () => {
  const onPath = program('bin', 'temporal');
  const places = { PATH: dirname(onPath), TEMPORAL_CLI_PATH: '/nowhere/temporal' };
  expect(lookUp('temporal', places)).toBeUndefined();
});

it('without a redis-server the cached Valkey stands in for it', () => {
  const cached = program('cache', `valkey-server-${pinned['valkey-server']?.version}`, 'valkey-server');
  expect(lookUp('redis-server', { JDAY_CACHE: join(tmp.path, 'cache') })).toBe(cached);
});

it('of the engines found anywhere all are told, the newest first, and what a program says of itself counts', async () => {
  const says = (path: string, text: string) => {
    writeFileSync(path, `#!/bin/sh\necho '${text}'\n`);
    return path;
  };
  const named = says(program('named', 'mine'), 'Redis server v=8.2.1 sha=00000000:0 malloc=libc bits=64');
  const older = says(program('old', 'redis-server'), 'Redis server v=7.0.15 sha=00000000:0');
  const other = says(program('other', 'redis-server'), 'something else');
  const cached = says(
    program('cache', `valkey-server-${pinned['valkey-server']?.version}`, 'valkey-server'),
    'Valkey server v=9.1.2 sha=00000000:0',
  );
  const places = {
    JDAY_CACHE: join(tmp.path, 'cache'),
    PATH: `${dirname(older)}:${dirname(other)}`,
    REDIS_SERVER_PATH: named,
  };
  expect(await foundEngines(places)).toEqual([
    { path: cached, name: 'Valkey', version: '9.1.2' },
    { path: named, name: 'Redis', version: '8.2.1' },
    { path: older, name: 'Redis', version: '7.0.15' },
  ]);
  expect(misnamedEngines(places)).toEqual([]);
  expect(misnamedEngines({ ...places, VALKEY_SERVER_PATH: '/nowhere' })).toEqual(['VALKEY_SERVER_PATH']);
});

it('a missing server is one sentence that says how to get it', () => {
  expect(new ToolMissing('temporal').message).toBe(
    'temporal was not found: run "node scripts/set-up.mjs --dev", put it on PATH, or name it in TEMPORAL_CLI_PATH',
  );
});
