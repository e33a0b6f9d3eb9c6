import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TrafficHook } from '../../domain/plan/plan.ts';
import { tellTraffic } from '../../redis/cutover/notify-traffic.ts';
import { withTempDir } from '../support/temp-dir.ts';

const dir = withTempDir();
const RECORD = { side: 'target', epoch: 7 } as const;
const NOT_ALLOWED = 'command (not allowed by this worker, or a variable of it is not set)';
let router: Server | undefined;
let asked: string[] = [];
let program: string;
let kept: string;

beforeAll(() => {
  program = join(dir.path, 'switch');
  kept = join(dir.path, 'said');
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > '${kept}'\nenv >> '${kept}'\n`);
  chmodSync(program, 0o700);
  process.env['DATABASE_URL'] = 'redis://jday:hunter2@secret';
  process.env['TRAFFIC_TOKEN'] = 'of this process';
});
afterEach(() => {
  router?.close();
  router = undefined;
  asked = [];
});

/** A router that confirms what it was told, and remembers which paths were asked for. */
async function startRouter(): Promise<string> {
  router = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.end(JSON.stringify({ authority: 'target', epoch: 7 })));
  }).listen(0, '127.0.0.1');
  await once(router, 'listening');
  return `http://127.0.0.1:${(router.address() as AddressInfo).port}`;
}

const tell = (hook: TrafficHook, environment = {}, programs: readonly string[] = [program]) =>
  tellTraffic([hook], 'm', RECORD, { environment, programs });

describe('a webhook', () => {
  it('is called with the token of the worker, which the plan only names', async () => {
    const url = `${await startRouter()}/hook?token=\${TRAFFIC_TOKEN}`;
    expect(await tell({ kind: 'webhook', url }, { TRAFFIC_TOKEN: 's3cret' })).toEqual([]);
    expect(asked).toEqual(['POST /hook?token=s3cret', 'GET /hook?token=s3cret']);
  });

  it('whose variable the worker lacks is not called, and the report says so without the URL (L12)', async () => {
    const url = `${await startRouter()}/hook?token=\${TRAFFIC_TOKEN}`;
    expect(await tell({ kind: 'webhook', url })).toEqual([
      'webhook (not allowed by this worker, or a variable of it is not set)',
    ]);
    expect(asked).toEqual([]);
  });
});

describe('a command', () => {
  it('gets the news, its own variables and the means to run, and nothing else of the worker', async () => {
    const command = [program, 'to', '${TRAFFIC_TOKEN}'];
    const environment = { TRAFFIC_TOKEN: 's3cret', SOURCE_V1: 'redis://jday:hunter2@v1' };
    expect(await tell({ kind: 'command', command }, environment)).toEqual([]);
    const said = readFileSync(kept, 'utf8').trimEnd().split('\n');
    expect(said.slice(0, 2)).toEqual(['to', 's3cret']);
    expect(said).toEqual(
      expect.arrayContaining([
        'JDAY_MIGRATION=m',
        'JDAY_AUTHORITY=target',
        'JDAY_EPOCH=7',
        'TRAFFIC_TOKEN=s3cret',
      ]),
    );
    expect(said.join('\n')).toContain(`PATH=${process.env['PATH']}`);
    expect(said.join('\n')).not.toMatch(/hunter2|SOURCE_V1|DATABASE_URL/);
  });

  it('that this worker does not allow is not run, also when it leads to one that is', async () => {
    writeFileSync(kept, 'nothing');
    for (const other of ['/bin/sh', `${dir.path}/./switch`, 'switch', '']) {
      expect(await tell({ kind: 'command', command: [other, '-c', `echo x > '${kept}'`] })).toEqual([
        NOT_ALLOWED,
      ]);
      expect(await tell({ kind: 'command', command: [program] }, {}, [])).toEqual([NOT_ALLOWED]);
    }
    expect(readFileSync(kept, 'utf8')).toBe('nothing');
  });
});
